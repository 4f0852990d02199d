//go:build !linux

package runner

import "syscall"

// dieWithParent does nothing: only Linux ties a process to its parent. A runner that ends in order kills its
// instances; one that is killed leaves them until their next request for work fails.
func dieWithParent(*syscall.SysProcAttr) {}
