//go:build !linux

package child

import "syscall"

// dieWithParent does nothing: only Linux ties a process to its parent. A program that ends in order kills its
// children; one that is killed leaves them.
func dieWithParent(*syscall.SysProcAttr) {}
