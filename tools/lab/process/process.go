// Package process runs the programs that the lab consists of: each with a log of its own, none of which outlives the
// lab.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dip/internal/child"
)

// Command is a program to run.
type Command struct {
	// Name is what errors and progress call it.
	Name string
	// Path is the program's file.
	Path string
	Args []string
	// Env is NAME=value; nothing is inherited but PATH and HOME.
	Env []string
	// Dir is the working directory; empty: the lab's.
	Dir string
	// Log is the file that gets what it prints; its folder exists.
	Log string
}

// Process is a program that was started.
type Process struct {
	command Command
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // how it ended, once done is closed
}

// Start starts a program, which ends with Stop or with the lab.
func Start(c Command) (*Process, error) {
	log, err := os.Create(c.Log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, log, log
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, c.Env...)
	if err := errors.Join(child.Start(cmd), log.Close()); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	p := &Process{command: c, cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended, with the end of its log; nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended (%s): %s", p.command.Name, how, Tail(p.command.Log))
}

// Stop asks the process and its children to end, kills them when grace is over, and returns when the process is gone.
// It may be called again.
func (p *Process) Stop(grace time.Duration) error {
	select {
	case <-p.done: // its id may be another process's by now
		return nil
	default:
	}
	if err := child.Signal(p.PID(), syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.command.Name, err)
	}
	timeout := time.NewTimer(grace)
	defer timeout.Stop()
	select {
	case <-p.done:
		return nil
	case <-timeout.C:
	}
	if err := child.Kill(p.PID()); err != nil {
		return fmt.Errorf("stop %s: %w", p.command.Name, err)
	}
	<-p.done
	return nil
}

// tailBytes of a log are enough to see why a process ended.
const tailBytes = 3000

// Tail is the end of a log, from the beginning of a line on, and the log's path.
func Tail(path string) string {
	text, err := tail(path)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s\n(the whole log: %s)", strings.TrimSpace(string(text)), filepath.ToSlash(path))
}

func tail(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-tailBytes)
	text, err := io.ReadAll(io.NewSectionReader(f, from, tailBytes))
	if from > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, err
}
