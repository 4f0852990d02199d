// Package child starts processes that do not outlive this program.
package child

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// starter starts processes from one thread that lives as long as the program. The kernel sends the death signal when
// the thread that started a process ends, not when the program does, and Go may end threads at any time.
var starter = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// Start starts a command in its own process group, which does not survive this program. Other settings in
// cmd.SysProcAttr are kept.
func Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	return <-started
}

// Signal sends a signal to a process that Start started, and to its children. A process that has exited is not an
// error.
func Signal(pid int, signal syscall.Signal) error {
	if err := syscall.Kill(-pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %v to process group %d: %w", signal, pid, err)
	}
	return nil
}

// Kill kills a process that Start started, and its children.
func Kill(pid int) error { return Signal(pid, syscall.SIGKILL) }
