package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"dip/internal/compile"
	"dip/internal/terminal"
)

// goInterrupt is how long a build may take to end after it was interrupted.
const goInterrupt = 10 * time.Second

// Go runs a command of the go tool in dir and returns what it prints. Lines that it writes to standard error go
// to say and, when it fails, into the error.
func Go(ctx context.Context, dir string, say func(string, ...any), args ...string) ([]byte, error) {
	var stdout bytes.Buffer
	told := &terminal.Lines{Say: say}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), compile.Env()...)
	cmd.Stdout, cmd.Stderr = &stdout, told
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // go run does not pass it on
	cmd.WaitDelay = goInterrupt
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, told.Tail())
	}
	return stdout.Bytes(), nil
}
