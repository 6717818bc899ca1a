package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// pending is the next version of a file, in the making beside it. Its name is fixed
// and it is opened exclusively, so it is also the lock between those who change the
// file, in this process and in others. Renaming it puts the new version in place and
// lets go of the lock in one step.
type pending struct {
	file *os.File
	path string
	gone bool // renamed or removed: the name may be another's by now
}

// How long others are waited for, and how often we look.
const (
	lockWait = 10 * time.Second
	lockStep = 10 * time.Millisecond
)

// newPending takes the lock on the file target.
func newPending(ctx context.Context, target string) (*pending, error) {
	path := target + ".new"
	for end := time.Now().Add(lockWait); ; time.Sleep(lockStep) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		switch {
		case err == nil:
			return &pending{file: f, path: path}, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("keyring: cannot change the keys: %w", err)
		case ctx.Err() != nil || time.Now().After(end):
			return nil, fmt.Errorf("keyring: %s is in the way: another process is changing the keys, or was stopped while it did; if none runs, remove that file", path)
		}
	}
}

// fill writes data, as the mode and owner of the file like allow, and waits until
// the disk has it. A nil like means ours alone.
func (p *pending) fill(data []byte, like fs.FileInfo) error {
	defer p.file.Close()
	if like != nil {
		if err := keepOwner(p.file, like); err != nil {
			return fmt.Errorf("keyring: cannot keep the owner of the file, so change it as that user: %w", err)
		}
		if err := p.file.Chmod(like.Mode().Perm()); err != nil {
			return fmt.Errorf("keyring: cannot keep the mode of the file: %w", err)
		}
	}
	_, err := p.file.Write(data)
	if err == nil {
		err = p.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("keyring: cannot write the keys: %w", err)
	}
	return nil
}

// replace puts data in the place of the file target.
func (p *pending) replace(target string, data []byte, like fs.FileInfo) error {
	if err := p.fill(data, like); err != nil {
		return err
	}
	if err := os.Rename(p.path, target); err != nil {
		return fmt.Errorf("keyring: cannot replace the keys: %w", err)
	}
	p.gone = true
	return syncDir(target)
}

// create puts data in the place of the file target, which must not exist. A link,
// unlike a rename, never replaces anything.
func (p *pending) create(target string, data []byte) error {
	if err := p.fill(data, nil); err != nil {
		return err
	}
	err := os.Link(p.path, target)
	if errors.Is(err, fs.ErrExist) {
		return errExists(target)
	}
	if err != nil {
		return fmt.Errorf("keyring: cannot make the file: %w", err)
	}
	p.abandon()
	return syncDir(target)
}

// abandon removes the pending version, unless it is in place.
func (p *pending) abandon() {
	if !p.gone {
		p.gone = true
		p.file.Close()
		os.Remove(p.path)
	}
}

// syncDir waits until the disk has the names in the directory of path, where the
// system can do that.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keyring: the keys are changed, but may not outlast a power failure: %w", err)
	}
	defer d.Close()
	err = d.Sync()
	if err != nil && runtime.GOOS != "windows" && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("keyring: the keys are changed, but may not outlast a power failure: %w", err)
	}
	return nil
}
