//go:build !linux

package child

import "syscall"

// dieWithParent does nothing: only Linux ties a process to its parent. A program that exits normally kills its
// children; one that is killed leaves them running.
func dieWithParent(*syscall.SysProcAttr) {}
