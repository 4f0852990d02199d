package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Toolchain is the Pulumi CLI with its plugins, as tools/install tells of it.
type Toolchain struct {
	Pulumi string            `json:"pulumi"` // path of the CLI
	Env    map[string]string `json:"env"`    // for each call of it
}

// goInterrupt is how long a build may take to end after it was interrupted.
const goInterrupt = 10 * time.Second

// goRun runs a command of the go tool in dir and returns what it prints. Lines that it writes to standard error go
// to say and, when it fails, into the error.
func goRun(ctx context.Context, dir string, say func(string, ...any), args ...string) ([]byte, error) {
	var stdout bytes.Buffer
	told := &lineWriter{say: say}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = &stdout, told
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // go run does not pass it on
	cmd.WaitDelay = goInterrupt
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, told.tail())
	}
	return stdout.Bytes(), nil
}

// toolchain finds or builds the Pulumi CLI and its plugins, with those of stacks that have a cluster on demand.
func toolchain(ctx context.Context, root string, cluster bool, say func(string, ...any)) (Toolchain, error) {
	var t Toolchain
	args := []string{"run", ".", "--json"}
	if cluster {
		args = append(args, "--cluster")
	}
	out, err := goRun(ctx, filepath.Join(root, "tools", "install"), say, args...)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(out, &t); err != nil {
		return t, fmt.Errorf("read what tools/install says: %w: %s", err, out)
	}
	return t, nil
}

// lineWriter passes the last line that was written on, and keeps the end of everything.
type lineWriter struct {
	say  func(string, ...any)
	part []byte
	last []string
}

// lastLines of a failed command are enough to see why it failed.
const lastLines = 40

func (w *lineWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		line, rest, ok := bytes.Cut(w.part, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.part = rest
		if text := strings.TrimSpace(string(line)); text != "" {
			w.say("%s", text)
			w.last = append(w.last, text)
			w.last = w.last[max(0, len(w.last)-lastLines):]
		}
	}
}

func (w *lineWriter) tail() string {
	return strings.Join(append(w.last, strings.TrimSpace(string(w.part))), "\n")
}
