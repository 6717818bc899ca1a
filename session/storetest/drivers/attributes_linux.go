package drivers

import "syscall"

// attributes are those of a server process: who runs it, and what it gets when the
// test process dies without cleaning up, as it does at a time limit.
func attributes(user *syscall.Credential, death syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user, Pdeathsig: death}
}
