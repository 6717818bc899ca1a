//go:build unix && !linux

package drivers

import "syscall"

// attributes are those of a server process. Only Linux can end it with the test
// process.
func attributes(user *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user}
}
