package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/keyring"
)

// envKeys are the variables of an environment keyring, and envSecret the one that
// it cannot do without.
const envSecret = "SESSION_SECRET"

var envKeys = []string{
	"SESSION_SECRET_OLD", "SESSION_SECRET_SPARE", "SESSION_SECRET_REVOKED", "SESSION_SECRET_ACTIVATES_AT",
	"TOKEN_VERSION", "TOKEN_VERSION_OLD",
}

// openKeys returns the keyring that the environment names, and a line about it.
//
// Sources never stand in for each other: two of them are a fault, and so is one that
// is named and empty. A server that took other keys than it was meant to have would
// sign everybody out.
func openKeys(e *server.Env) (*keyring.Keyring, string) {
	sources := keySources()
	switch {
	case len(sources) > 1:
		e.Fault("%s are several sources of keys: choose one", strings.Join(sources, ", "))
	case len(sources) == 0:
		return defaultKeys(e)
	case sources[0] == "SESSION_KEYRING_KEK":
		e.Fault("SESSION_KEYRING_KEK seals a keyring in the store, and SESSION_STORE is none: use SESSION_SECRET or SESSION_KEYRING_FILE")
	case sources[0] == "SESSION_KEYRING_FILE":
		return fileKeys(e, os.Getenv("SESSION_KEYRING_FILE"))
	default:
		keys, err := keyring.FromEnv()
		e.Check(err)
		return keys, "from " + envSecret
	}
	return nil, ""
}

// keySources returns the variables that name a source of keys. What is set to
// nothing is named too; of an environment keyring, also what goes with a secret
// that is missing.
func keySources() []string {
	var sources []string
	for _, name := range []string{envSecret, "SESSION_KEYRING_FILE", "SESSION_KEYRING_KEK"} {
		if _, set := os.LookupEnv(name); set {
			sources = append(sources, name)
		}
	}
	for _, name := range envKeys {
		if os.Getenv(name) != "" && len(sources) == 0 {
			return []string{envSecret}
		}
	}
	return sources
}

// fileKeys returns the keyring of a file.
func fileKeys(e *server.Env, path string) (*keyring.Keyring, string) {
	if path == "" {
		e.Fault("SESSION_KEYRING_FILE is set but empty: name a file, or leave it out")
		return nil, ""
	}
	keys, err := keyring.FromFile(path)
	e.Check(err)
	return keys, path
}

// defaultKeys returns the keyring of a server that nobody has configured: a file,
// made once. It is made only if it is certain that there is none.
func defaultKeys(e *server.Env) (*keyring.Keyring, string) {
	if e.Err() != nil {
		return nil, "" // what has faults leaves no traces
	}
	path := filepath.Join(e.Text("DATA_DIR", "data"), "keyring.json")
	made, err := makeOnce(path)
	e.Check(err)
	if err != nil {
		return nil, ""
	}
	keys, from := fileKeys(e, path)
	if made {
		return keys, fmt.Sprintf("made %s with a fresh key; keep it, sessions last as long as it does", from)
	}
	return keys, from
}

// makeOnce makes a keyring file if there is none, and reports whether it did.
func makeOnce(path string) (made bool, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // it is there, or cannot be looked at: FromFile will say what is wrong
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, fmt.Errorf("DATA_DIR cannot be made: %w", err)
	}
	err = keyring.InitFile(path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil // another instance was faster
	}
	return err == nil, err
}
