package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dip/local/emulator"
	"dip/local/runner"
)

// Daemon describes the background process of local mode. The process runs the emulator and the Lambda runner; both
// end with it.
type Daemon struct {
	PID      int       `json:"pid"`
	Instance string    `json:"instance"` // random: resources created in another instance are gone
	Endpoint string    `json:"endpoint"` // for all AWS services
	Started  time.Time `json:"started"`
	// Key is demanded of every request. It belongs to this start.
	Key emulator.Key `json:"key"`
}

const (
	// Account is the AWS account of local mode.
	Account = "123456789012"
	// Region is the AWS region of local mode.
	Region = "us-east-1"

	daemonStart = 90 * time.Second // until the emulator responds
	daemonStop  = 20 * time.Second // from SIGTERM to SIGKILL
	daemonPoll  = 50 * time.Millisecond
	homeCheck   = 5 * time.Second // how often the daemon checks that its state folder still exists
)

// backend is a running emulator with its runner.
type backend struct {
	daemon  Daemon
	runner  *runner.Runner
	stopped chan struct{} // closed when both have ended
	err     error         // why, once stopped is closed
	cancel  context.CancelFunc
}

// startBackend starts the emulator and the runner in this process. They run until stop, or until one of them fails.
func startBackend(ctx context.Context, p place, onInvoke func(runner.Invocation), log io.Writer) (*backend, error) {
	// ctx bounds only the start: what has started runs until it is stopped.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	started := context.AfterFunc(ctx, cancel)
	e, err := emulator.Start(running, emulator.Options{AccountID: Account, Region: Region, Log: log})
	if err != nil {
		cancel()
		return nil, err
	}
	started()
	r, err := runner.New(runner.Options{
		Endpoint: e.Endpoint(), Key: e.Key(), Region: Region, AccountID: Account,
		Dir: p.functionsCode(), LogDir: p.functions(), OnInvoke: onInvoke, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		cancel()
		return nil, errors.Join(err, e.Stop())
	}
	b := &backend{
		daemon: Daemon{
			PID: os.Getpid(), Instance: rand.Text(), Endpoint: e.Endpoint(), Started: time.Now().UTC(), Key: e.Key(),
		},
		runner: r, stopped: make(chan struct{}), cancel: cancel,
	}
	k := &keeper{place: p, env: b.daemon.Environment(), log: slog.New(slog.NewTextHandler(log, nil))}
	kept := make(chan struct{})
	go func() { defer close(kept); k.keep(running) }()
	go func() {
		defer close(b.stopped)
		defer cancel()
		if err := r.Run(running); err != nil && running.Err() == nil {
			b.err = fmt.Errorf("the function runner ended: %w", err)
		}
		cancel()
		<-kept
		b.err = errors.Join(b.err, e.Stop())
	}()
	return b, nil
}

func (b *backend) stop() error {
	b.cancel()
	<-b.stopped
	return b.err
}

// Serve is the background process: it runs until SIGTERM or until its state folder is removed.
func Serve(ctx context.Context, stateDir string) error {
	p := place(stateDir)
	// A process that only checks the lock holds it for a moment.
	locking, cancel := context.WithTimeoutCause(ctx, daemonStop, errors.New("another local stack is already running"))
	alive, err := waitLock(locking, p.daemonLock(), func(int) {})
	cancel()
	if err != nil {
		return err
	}
	b, err := startBackend(ctx, p, nil, os.Stderr)
	if err != nil {
		return errors.Join(err, alive.release())
	}
	if err := writeJSON(p.daemon(), b.daemon); err != nil {
		return errors.Join(err, b.stop(), alive.release())
	}
	ticker := time.NewTicker(homeCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return errors.Join(b.stop(), alive.release())
		case <-b.stopped:
			return errors.Join(b.err, alive.release())
		case <-ticker.C:
			if !alive.intact() {
				return errors.Join(fmt.Errorf("the state folder %s was removed", stateDir), b.stop(), alive.release())
			}
		}
	}
}

// findDaemon returns the daemon that is running and responding; false if there is none.
func findDaemon(ctx context.Context, p place) (Daemon, bool, error) {
	pid, err := lockHolder(ctx, p.daemonLock())
	if err != nil || pid == 0 {
		return Daemon{}, false, err
	}
	var d Daemon
	ok, err := readJSON(p.daemon(), &d)
	if err != nil || !ok || d.PID != pid {
		return Daemon{}, false, err
	}
	return d, d.answers(ctx), nil
}

func (d Daemon) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := emulator.Revision(ctx, d.Endpoint, d.Key, -1)
	return err == nil
}

// spawnDaemon starts the background process and returns when it responds. executable is this program.
func spawnDaemon(ctx context.Context, p place, executable string) (Daemon, error) {
	if err := os.Remove(p.daemon()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Daemon{}, fmt.Errorf("start the local stack: %w", err)
	}
	log, err := os.Create(p.log("daemon"))
	if err != nil {
		return Daemon{}, fmt.Errorf("start the local stack: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(executable, "local", "serve", "--state", string(p))
	cmd.Dir = string(p)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = withoutAWS(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of the terminal's Ctrl-C and hang-up
	if err := cmd.Start(); err != nil {
		return Daemon{}, fmt.Errorf("start the local stack: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	timeout := time.NewTimer(daemonStart)
	defer timeout.Stop()
	ticker := time.NewTicker(daemonPoll)
	defer ticker.Stop()
	for {
		var d Daemon
		select {
		case err := <-exited:
			return d, fmt.Errorf("start the local stack: its process exited (%w): %s", err, tailOf(log.Name()))
		case <-timeout.C:
			return d, errors.Join(fmt.Errorf("start the local stack: no response within %s: see %s", daemonStart, log.Name()),
				stopDaemon(ctx, p))
		case <-ctx.Done():
			return d, errors.Join(context.Cause(ctx), stopDaemon(context.WithoutCancel(ctx), p))
		case <-ticker.C:
			if ok, err := readJSON(p.daemon(), &d); err != nil || !ok {
				continue // not listening yet
			}
			return d, nil
		}
	}
}

// stopDaemon stops the background process, if there is one, and waits until it has exited. The holder of the daemon's
// lock is the daemon, so no other process can be hit.
func stopDaemon(ctx context.Context, p place) error {
	deadline := time.Now().Add(daemonStop)
	ticker := time.NewTicker(daemonPoll)
	defer ticker.Stop()
	signal := syscall.SIGTERM
	told := 0
	for {
		pid, err := lockHolder(ctx, p.daemonLock())
		if err != nil || pid == 0 {
			return err
		}
		if told != pid || signal == syscall.SIGKILL {
			if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stop the local stack's process %d: %w", pid, err)
			}
			told = pid
		}
		if time.Now().After(deadline) {
			signal = syscall.SIGKILL
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the local stack's process %d: %w", pid, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// withoutAWS drops the variables that would point AWS clients elsewhere.
func withoutAWS(env []string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, "AWS_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// tailBytes of a log are enough to show why a process exited.
const tailBytes = 2000

func tailOf(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if over := len(data) - tailBytes; over > 0 {
		data = data[over:]
	}
	return fmt.Sprintf("%s\n(%s)", strings.TrimSpace(string(data)), filepath.Base(path))
}
