package stage

import "syscall"

// attributes make a process a group of its own, which ends when we die without
// cleaning up, as a test does at its time limit.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
