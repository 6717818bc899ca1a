//go:build unix && !linux

package stage

import "syscall"

// attributes make a process a group of its own. Only Linux can end it when we die.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
