package runner

import "syscall"

// dieWithParent kills the process when the thread that started it ends: see spawner.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
