package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sessionring/sessionring/keyring"
)

// DefaultKeys returns the keyring of a server that nobody has configured, and a line
// about it: the file keyring.json in DATA_DIR, made once.
func DefaultKeys(e *Env) (keys *keyring.Keyring, from string) {
	return KeysIn(e, filepath.Join(e.DataDir(), "keyring.json"), "HS256")
}

// KeysIn returns the keyring in a file, and a line about it. With a first key for an
// algorithm it is made, once, and only if it is certain that there is none.
func KeysIn(e *Env, path, algorithm string) (keys *keyring.Keyring, from string) {
	made, err := makeOnce(path, algorithm)
	if err == nil {
		keys, err = keyring.FromFile(path)
	}
	e.Check(err)
	if made {
		return keys, fmt.Sprintf("made %s with a fresh key; keep it, sessions last as long as it does", path)
	}
	return keys, path
}

// makeOnce makes a keyring file if there is none, and reports whether it did.
func makeOnce(path, algorithm string) (made bool, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // it is there, or cannot be looked at: FromFile will say what is wrong
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, fmt.Errorf("DATA_DIR cannot be made: %w", err)
	}
	err = keyring.InitFileFor(path, algorithm)
	if errors.Is(err, fs.ErrExist) {
		return false, nil // another instance was faster
	}
	return err == nil, err
}
