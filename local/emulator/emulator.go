// Package emulator starts the AWS emulator: moto in one Python process on loopback, with the patches that a data plane
// needs. It keeps everything in memory, and never outlives the process that started it.
package emulator

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed *.py patches/*.py
var program embed.FS

// MotoVersion is the only release of moto that the patches support.
const MotoVersion = "5.2.1"

// startTimeout bounds the time until the emulator listens. A cold start reads about a thousand Python files.
const startTimeout = 60 * time.Second

// exitUnavailable is the program's exit code if moto is missing or of another version.
const exitUnavailable = 3

// ErrUnavailable reports that this machine cannot run the emulator; the text says what to install.
var ErrUnavailable = errors.New("emulator unavailable")

// Options of Start. The zero value is an emulator on a free port, account 123456789012, region us-east-1.
type Options struct {
	// Port on 127.0.0.1; 0 takes a free one.
	Port int
	// AccountID of everything created; empty: 123456789012.
	AccountID string
	// Region for requests without one; empty: us-east-1.
	Region string
	// HistoryEvents is the number of events with which an execution of a workflow fails; 0: 25,000, as on AWS.
	HistoryEvents int
	// Python interpreter; empty: python3 from the PATH.
	Python string
	// Log receives the emulator's output except its readiness line; nil drops all but the last lines, which become
	// part of a failed start's error.
	Log io.Writer
}

// Emulator is a running emulator.
type Emulator struct {
	endpoint string
	key      Key
	cmd      *exec.Cmd
	stdin    io.Closer
	exited   chan struct{}
	err      error
	stop     sync.Once
}

// Available reports whether Start can work here: nil, or an ErrUnavailable that says what to install.
func Available(ctx context.Context, python string) error {
	path, err := findPython(python)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dip-emulator-")
	if err != nil {
		return fmt.Errorf("make a folder for the emulator: %w", err)
	}
	if err := unpack(dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	out, err := exec.CommandContext(ctx, path, filepath.Join(dir, "emulator.py"), "--check").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", ErrUnavailable, cmp.Or(strings.TrimSpace(string(out)), err.Error()))
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func findPython(python string) (string, error) {
	if python == "" {
		python = "python3"
	}
	path, err := exec.LookPath(python)
	if err != nil {
		return "", fmt.Errorf("%w: local mode needs Python 3.10 or later with moto: install %s, then pip install "+
			"'moto[server]==%s'",
			ErrUnavailable, python, MotoVersion)
	}
	return path, nil
}

// Start runs an emulator and returns when it listens. It ends with Stop, with ctx, or with this process.
func Start(ctx context.Context, o Options) (*Emulator, error) {
	python, err := findPython(o.Python)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dip-emulator-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the emulator: %w", err)
	}
	e := &Emulator{key: newKey(), exited: make(chan struct{})}
	err = e.launch(ctx, python, dir, o)
	// A program that listens has loaded all its files: nothing is left behind even if this process is killed.
	removed := os.RemoveAll(dir)
	if err == nil && removed != nil {
		err = e.Stop()
	}
	if err := errors.Join(err, removed); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Emulator) launch(ctx context.Context, python, dir string, o Options) error {
	if err := unpack(dir); err != nil {
		return err
	}
	args := []string{filepath.Join(dir, "emulator.py"), "--port", strconv.Itoa(o.Port)}
	if o.AccountID != "" {
		args = append(args, "--account", o.AccountID)
	}
	if o.Region != "" {
		args = append(args, "--region", o.Region)
	}
	if o.HistoryEvents != 0 {
		args = append(args, "--history-events", strconv.Itoa(o.HistoryEvents))
	}
	e.cmd = exec.Command(python, args...)
	// Unlike its arguments, a process's environment can be read by its user only.
	e.cmd.Env = append(os.Environ(), e.key.Environment()...)
	tail := &lastLines{next: o.Log}
	e.cmd.Stderr = tail
	stdin, err := e.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("pipe to the emulator: %w", err)
	}
	e.stdin = stdin
	stdout, err := e.cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("pipe from the emulator: %w", err)
	}
	if err := e.cmd.Start(); err != nil {
		return fmt.Errorf("start the emulator: %w", err)
	}
	ready := make(chan string, 1)
	go e.watch(stdout, ready, tail)
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case e.endpoint = <-ready:
	case <-e.exited:
		if e.cmd.ProcessState.ExitCode() == exitUnavailable {
			return fmt.Errorf("%w: %s", ErrUnavailable, tail)
		}
		return fmt.Errorf("the emulator ended before it listened (%w): %s", e.err, tail)
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("start the emulator: %w", context.Cause(ctx)), e.Stop())
	case <-timeout.C:
		return errors.Join(fmt.Errorf("the emulator did not listen within %s: %s", startTimeout, tail), e.Stop())
	}
	context.AfterFunc(ctx, func() { e.end() })
	return nil
}

// watch passes on the readiness line, drains the rest, and records how the process ended.
func (e *Emulator) watch(stdout io.Reader, ready chan<- string, rest io.Writer) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var line struct{ Endpoint string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Endpoint != "" {
			ready <- line.Endpoint
			continue
		}
		fmt.Fprintln(rest, lines.Text())
	}
	e.err = errors.Join(lines.Err(), e.cmd.Wait())
	close(e.exited)
}

// Endpoint is the URL for all AWS services.
func (e *Emulator) Endpoint() string { return e.endpoint }

// Key is the owner's: everything is allowed to it. It is random, and ends with the emulator.
func (e *Emulator) Key() Key { return e.key }

// Exited is closed when the emulator's process has exited.
func (e *Emulator) Exited() <-chan struct{} { return e.exited }

// Stop stops the emulator and waits until its process has exited. It may be called again.
func (e *Emulator) Stop() error {
	e.end()
	<-e.exited
	if e.err != nil {
		return fmt.Errorf("the emulator did not end in order: %w", e.err)
	}
	return nil
}

// end closes the pipe, which ends the process at once: it holds no state worth saving.
func (e *Emulator) end() {
	e.stop.Do(func() {
		if err := e.stdin.Close(); err != nil {
			// Closing the pipe is the graceful way; without it the process must be killed, and Wait reports the rest.
			_ = e.cmd.Process.Kill()
		}
	})
}

func unpack(dir string) error {
	err := fs.WalkDir(program, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, path)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := program.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		return fmt.Errorf("write the emulator's program to %s: %w", dir, err)
	}
	return nil
}

// lastLines keeps the end of the emulator's output, for error texts.
type lastLines struct {
	mu   sync.Mutex
	tail []byte
	next io.Writer
}

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, p...)
	if over := len(l.tail) - 4096; over > 0 {
		l.tail = bytes.Clone(l.tail[over:])
	}
	if l.next == nil {
		return len(p), nil
	}
	return l.next.Write(p)
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.tail))
}
