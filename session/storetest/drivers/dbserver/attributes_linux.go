package dbserver

import "syscall"

// attributes are those of a server process: who runs it, and what it gets when we die
// without cleaning up, as a test does at its time limit.
func attributes(user *syscall.Credential, death syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user, Pdeathsig: death}
}
