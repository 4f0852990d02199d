// Package sandbox runs a command that sees its own files at its own paths, as a container does, while nothing on the
// host changes. The rest of the file system is the host's.
//
// A command starts in a private mount namespace, and in its own user namespace unless this program runs as root. The
// program executes itself, arranges the mounts and becomes the command; see init.
package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"dip/internal/child"
)

// Mount shows a file or folder of the host at another path.
type Mount struct {
	Source   string // exists on the host
	Target   string // absolute; what of it does not exist is made, in the command's view alone
	ReadOnly bool
}

// Command is what to run.
type Command struct {
	// Path is the program, on the host. It runs even where a mount hides it.
	Path string
	// Args include the program's own name.
	Args []string
	// Env is the whole environment.
	Env []string
	// Dir is the working folder as the command sees it. The zero value is the root folder.
	Dir string
	// Mounts are in order: a later one may lie in an earlier one.
	Mounts []Mount
	// Root is an empty folder that becomes the root folder if a mount needs a new entry there. It may be shared.
	Root string
	// Output takes stdout and stderr.
	Output *os.File `json:"-"`
}

// Process is a running command.
type Process struct {
	cmd *exec.Cmd

	mu    sync.Mutex
	ended bool
}

// Exit is how a process ended.
type Exit struct {
	Code   int            // 128 + Signal when a signal ended it
	Signal syscall.Signal // 0: none
}

// Start starts a command in a process group of its own, which does not outlive this program. When it returns, the
// command itself runs: what fails before that is an error.
func Start(c Command) (*Process, error) {
	description, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p := &Process{cmd: &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{inside}, Env: []string{}, Stdout: c.Output, Stderr: c.Output,
		SysProcAttr: namespaces(),
	}}
	if err := p.start(description); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return p, nil
}

// namespaces are those that a command does not share.
func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Geteuid(); uid != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// start hands the description over and waits until the process has become the command, which closes its end of the
// second pipe, or has written there why it cannot.
func (p *Process) start(description []byte) error {
	in, describe, err := os.Pipe()
	if err != nil {
		return err
	}
	defer describe.Close()
	report, out, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close())
	}
	defer report.Close()
	p.cmd.ExtraFiles = []*os.File{in, out}
	err = child.Start(p.cmd)
	if err = errors.Join(err, in.Close(), out.Close()); err != nil {
		return err
	}
	_, err = describe.Write(description)
	if err = errors.Join(err, describe.Close()); err != nil {
		_ = child.Kill(p.cmd.Process.Pid)
		return errors.Join(err, p.cmd.Wait())
	}
	failure, err := io.ReadAll(report)
	if err == nil && len(failure) > 0 {
		err = errors.New(string(failure))
	}
	if err != nil {
		_ = p.cmd.Wait() // its exit code says less than its message
	}
	return err
}

// Pid is the process's, which is also its group's.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process and its children. To one that has ended it does nothing.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	return child.Signal(p.Pid(), s)
}

// Wait waits until the process ends, and ends what it leaves behind in its group. It may be called once.
func (p *Process) Wait() (Exit, error) {
	for { // the process stays a zombie, so that its number cannot be somebody else's when the group is killed
		err := unix.Waitid(unix.P_PID, p.Pid(), nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return Exit{}, fmt.Errorf("wait for process %d: %w", p.Pid(), err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	killed := child.Kill(p.Pid())
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return Exit{}, errors.Join(killed, fmt.Errorf("wait for process %d: %w", p.Pid(), err))
	}
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return Exit{Code: 128 + int(status.Signal()), Signal: status.Signal()}, killed
	}
	return Exit{Code: status.ExitStatus()}, killed
}
