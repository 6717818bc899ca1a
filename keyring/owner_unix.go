//go:build unix

package keyring

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f to the owner of the file like: who rotates as root must not take
// the keys away from the service.
func keepOwner(f *os.File, like fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	have, _ := now.Sys().(*syscall.Stat_t)
	want, _ := like.Sys().(*syscall.Stat_t)
	if have == nil || want == nil || have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}
