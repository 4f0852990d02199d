package tfprovider

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the provider when this process ends, however
// it ends: the engine may kill a plugin, and the provider ignores interrupts.
func dieWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
