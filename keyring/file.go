package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
)

// fileInterval is how often a file is read again.
const fileInterval = 10 * time.Second

// FromFile returns a keyring that follows a JWK Set file; a bad new version leaves
// the keys in force. The rules for the set are those of [ParseKeys], and one key at
// least must be able to sign.
//
// A set of public keys alone makes a keyring that only verifies.
//
// The file is refused if others can read it and there is a secret in it, or if group
// or others can write it: it should have mode 0600 or, in a mounted Kubernetes Secret,
// 0400 or 0440. Symbolic links are followed. If it does not exist, the error wraps fs.ErrNotExist, and
// [InitFile] makes it.
//
// It is read now, and again by Reload, every 10 seconds while session.Manager.Run
// runs, and when a token names an unknown key. Rotate, Revoke, Retire and Drop change
// it.
//
// See RFC 7517, section 5: https://www.rfc-editor.org/rfc/rfc7517#section-5
func FromFile(path string) (*Keyring, error) {
	if path == "" {
		return nil, errors.New("keyring: FromFile needs a path")
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs // the working directory may change
	}
	k := newKeyring(nil, "the keys come from "+path+": change them there")
	k.live.Interval = fileInterval
	k.live.Load = func(context.Context) (*ring.Ring, error) {
		r, err := loadFile(path)
		return r, k.whenGone(err)
	}
	k.edit = func(ctx context.Context, c change) error { return editFile(ctx, path, c) }
	return k.loaded(context.Background())
}

// whenGone adds to an error what to do about a file that is not there. Who had keys
// from it must not be told to make others.
func (k *Keyring) whenGone(err error) error {
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case k.ring() == nil:
		return fmt.Errorf("%w: InitFile makes it, or the command keyring init", err)
	}
	return fmt.Errorf("%w: put it back; a new one would hold other keys", err)
}

// loadFile returns the ring of the set in a file.
func loadFile(path string) (*ring.Ring, error) {
	data, _, err := readFile(path)
	if err != nil {
		return nil, err
	}
	s, err := parseSet(path, data)
	if err != nil {
		return nil, err
	}
	return s.signing(time.Now())
}

// readFile reads a file that holds secrets, and nobody else may read or write.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("keyring: %s is not a regular file", path) // a pipe would block us
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("keyring: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("keyring: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSet+1))
	if err != nil {
		return nil, nil, fmt.Errorf("keyring: %w", err)
	}
	if mode := info.Mode(); exposed(mode, data) && runtime.GOOS != "windows" {
		return nil, nil, fmt.Errorf("keyring: %s has mode %04o, so others than its owner can get at the keys: chmod 600 %s", path, mode.Perm(), path)
	}
	return data, info, nil
}

// exposed reports whether a file of that mode gives others, or the group, what they
// must not have: writing, and reading secrets. Windows has permissions of its own,
// which Go does not show.
func exposed(mode fs.FileMode, data []byte) bool {
	const write, read = 0o022, 0o004
	if mode&write != 0 || mode&read == 0 {
		return mode&write != 0
	}
	s, err := parseSet("", data)
	return err != nil || !s.public()
}

// InitFile writes a new keyring file with one fresh 256-bit HS256 key tagged v1.
//
// The file has mode 0600 and is there complete or not at all. A file that exists is
// never overwritten: that is an error wrapping fs.ErrExist. The directory must exist.
func InitFile(path string) error { return InitFileFor(path, ring.HS256) }

// InitFileFor is InitFile with a key for another algorithm: "HS256", "EdDSA" or "ES256".
func InitFileFor(path, algorithm string) error {
	if !signs(algorithm) {
		return errAlgorithm(algorithm)
	}
	if _, err := os.Lstat(path); err == nil {
		return errExists(path)
	}
	s := set{where: path, entries: []entry{newEntry(algorithm, firstTag, time.Now())}}
	data, err := s.encode()
	if err != nil {
		return err
	}
	p, err := newPending(context.Background(), path)
	if err != nil {
		return err
	}
	defer p.abandon()
	return p.create(path, data)
}

// errExists is the error of InitFile for a file that is there.
func errExists(path string) error {
	return fmt.Errorf("keyring: %s is left as it is: %w", path, fs.ErrExist)
}
