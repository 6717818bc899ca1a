//go:build unix && !linux

package dbserver

import "syscall"

// attributes are those of a server process. Only Linux can end it when we die.
func attributes(user *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user}
}
