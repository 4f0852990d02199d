package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// spawner starts processes from one thread that lives as long as the program. The kernel sends the death signal when
// the thread that started a process ends, not when the program does, and Go ends threads as it likes.
var spawner = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// spawn starts a process in a process group of its own that does not survive this program.
func spawn(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	started := make(chan error)
	spawner() <- func() { started <- cmd.Start() }
	return <-started
}

// killGroup kills a process that spawn started, with its children.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process group %d: %w", pid, err)
	}
	return nil
}

// memoryOf reads a process's anonymous memory now and its largest resident size so far, in MB; zeros where the
// system does not tell. Mapped files, such as the binary itself, are not counted in the first.
func memoryOf(pid int) (anonymousMB, peakMB int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		if err != nil {
			continue
		}
		switch name {
		case "RssAnon":
			anonymousMB = kb / 1024
		case "VmHWM":
			peakMB = (kb + 1023) / 1024
		}
	}
	return anonymousMB, peakMB
}
