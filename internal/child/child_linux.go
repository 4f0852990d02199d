package child

import "syscall"

// dieWithParent kills the process when the thread that started it ends: see starter.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
