// Package local is local mode: the real deployment engine and the real provider against an emulator on loopback, and
// a runner that executes the functions that this deployment created. It needs no wiring of its own.
//
// One process runs in the background. Its state, its logs and the stack's state are in one folder in the user's cache;
// taking the stack down removes them all.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"dip/internal/client"
	"dip/internal/terminal"
	"dip/local/runner"
)

// Stack is a local stack that is up.
type Stack struct {
	Outputs client.Outputs
	// Daemon is the process that the stack runs in; with Options.InProcess, this one.
	Daemon Daemon
	// Changed reports whether the last Up or Update changed any resource, Changes what it did.
	Changed bool
	Changes Changes
	// Runner is nil unless Options.InProcess is set.
	Runner *runner.Runner

	options Options
	place   place
	backend *backend
}

// AWSConfig configures AWS clients for a daemon's emulator.
func (d Daemon) AWSConfig() aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(d.Endpoint),
		Credentials:  d.Key.Provider(),
	}
}

// AWSConfig configures AWS clients for the stack.
func (s *Stack) AWSConfig() aws.Config { return s.Daemon.AWSConfig() }

// Client is access to the stack.
func (s *Stack) Client() *client.Stack {
	return client.Connect(s.options.Stack, s.AWSConfig(), s.Outputs)
}

// saved is the stored record of a stack.
type saved struct {
	Instance string          `json:"instance"` // of the daemon that holds its resources
	Tools    Toolchain       `json:"tools"`
	Program  string          `json:"program"`
	Outputs  *client.Outputs `json:"outputs,omitempty"` // nil until an Up succeeds
}

// known reads the stored record. An unreadable one, perhaps of another version, belongs to no current instance.
func (p place) known() (saved, error) {
	var k saved
	if _, err := readJSON(p.stack(), &k); err != nil {
		return saved{Instance: "unreadable"}, err
	}
	return k, nil
}

// Up brings up a stack on this machine, or updates one that is already up. It may be called again after any
// interruption. The caller calls Down or, in background mode, leaves the stack running.
func Up(ctx context.Context, o Options) (*Stack, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	p := place(o.StateDir)
	held, err := p.enter(ctx, o.Screen)
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, place: p}
	err = s.up(ctx, held)
	if err != nil && s.backend != nil {
		err = errors.Join(err, s.backend.stop())
	}
	if err := errors.Join(err, held.release()); err != nil {
		return nil, err
	}
	return s, nil
}

// enter locks a state folder against other runs.
func (p place) enter(ctx context.Context, s *terminal.Screen) (*lock, error) {
	if err := os.MkdirAll(filepath.Dir(string(p)), 0o755); err != nil {
		return nil, fmt.Errorf("create the state folder: %w", err)
	}
	return waitLock(ctx, p.lock(), func(pid int) { s.Notef("waiting for process %d, which is using this checkout", pid) })
}

func (s *Stack) up(ctx context.Context, held *lock) error {
	show := terminal.NewSteps(s.options.Screen)
	e, err := s.start(ctx, show, held)
	if err != nil {
		return err
	}
	return s.settle(ctx, show, e)
}

// start prepares everything that a deployment needs: the tools, what they deploy, and the backend they deploy to.
func (s *Stack) start(ctx context.Context, show *terminal.Steps, held *lock) (*engine, error) {
	if err := s.place.make(); err != nil {
		return nil, err
	}
	e := s.engine(held)
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.prepareTools(gctx, show, e) })
	group.Go(func() error {
		if err := s.ensureBackend(gctx, show); err != nil {
			return err
		}
		return s.locateCluster(gctx, show)
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	e.daemon = s.Daemon
	return e, nil
}

// engine runs the CLI on this stack. The caller holds its lock.
func (s *Stack) engine(held *lock) *engine {
	return &engine{place: s.place, root: s.options.Root, stack: s.options.Stack, env: s.options.Env, daemon: s.Daemon,
		lock: held}
}

// locateCluster makes the emulator return the address of the stack's cluster.
func (s *Stack) locateCluster(ctx context.Context, show *terminal.Steps) error {
	if s.options.ControlPlane == nil {
		return nil
	}
	return show.Run("cluster", func(func(string, ...any)) (string, error) {
		c, err := s.options.ControlPlane(ctx, s.Daemon)
		if err != nil {
			return "", err
		}
		return "running at " + c.Endpoint, c.Announce(ctx, s.Daemon.Endpoint, s.Daemon.Key)
	})
}

// settle deploys the build to the running backend, and saves the result.
func (s *Stack) settle(ctx context.Context, show *terminal.Steps, e *engine) error {
	now := saved{Instance: s.Daemon.Instance, Tools: e.tools, Program: e.program}
	if err := writeJSON(s.place.stack(), now); err != nil {
		return err
	}
	err := show.Run("stack", func(say func(string, ...any)) (string, error) {
		c, err := s.deploy(ctx, e, say)
		s.Changed, s.Changes = c.summary.Any(), c.summary
		return c.summary.String(), err
	})
	if err != nil {
		return err
	}
	if err := s.runGateway(ctx, show); err != nil {
		return err
	}
	now.Outputs = &s.Outputs
	return writeJSON(s.place.stack(), now)
}

// prepareTools gets the engine and builds what it deploys. Invalid settings fail before anything is built.
func (s *Stack) prepareTools(ctx context.Context, show *terminal.Steps, e *engine) error {
	err := show.Run("toolchain", func(say func(string, ...any)) (string, error) {
		return "ready", s.options.tools(ctx, e, say)
	})
	if err != nil {
		return err
	}
	return show.Run("build", func(say func(string, ...any)) (string, error) {
		e.program = filepath.Join(s.options.artifacts(), "program")
		return "program and functions", s.options.build(ctx, e.program, say)
	})
}

// ensureBackend finds or starts the background process. The state of a stack whose resources were in another process
// is dropped: those resources are gone.
func (s *Stack) ensureBackend(ctx context.Context, show *terminal.Steps) error {
	return show.Run("emulator", func(say func(string, ...any)) (string, error) {
		old, damaged := s.place.known()
		if err := s.place.unlock(); err != nil {
			return "", err
		}
		cutOff, err := s.place.unfinished()
		if err != nil {
			return "", err
		}
		cutOff = cutOff || damaged != nil
		found, result, err := s.findOrStart(ctx, cutOff)
		if err != nil {
			return "", err
		}
		s.Daemon = found
		if old.Instance != "" && old.Instance != found.Instance {
			reason := "the emulator that held its resources is gone"
			if cutOff {
				reason = "its last deployment was cut off"
			}
			s.options.Screen.Notef("the local stack starts from scratch: %s", reason)
			return result, s.place.forget()
		}
		return result, nil
	})
}

func (s *Stack) findOrStart(ctx context.Context, cutOff bool) (Daemon, string, error) {
	if s.options.InProcess {
		log, err := os.Create(s.place.log("daemon"))
		if err != nil {
			return Daemon{}, "", fmt.Errorf("start the emulator: %w", err)
		}
		if s.backend, err = startBackend(ctx, s.place, s.options.OnInvoke, log); err != nil {
			return Daemon{}, "", errors.Join(err, log.Close())
		}
		s.Runner = s.backend.runner
		return s.backend.daemon, "started in this process", nil
	}
	d, alive, err := findDaemon(ctx, s.place)
	if err != nil {
		return d, "", err
	}
	if alive && !cutOff {
		return d, "already running at " + d.Endpoint, nil
	}
	if err := stopDaemon(ctx, s.place); err != nil { // one that does not respond
		return d, "", err
	}
	executable, err := os.Executable()
	if err != nil {
		return d, "", fmt.Errorf("start the local stack: %w", err)
	}
	d, err = spawnDaemon(ctx, s.place, executable)
	return d, "started at " + d.Endpoint, err
}

// forget drops the state of a stack whose resources are gone.
func (p place) forget() error {
	for _, path := range []string{p.backend(), p.project(), p.stack(), p.gateway(), p.gatewayRunning()} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove the stack's state: %w", err)
		}
	}
	return p.make()
}

// push has the image pushed before the first update.
func (s *Stack) push(ctx context.Context, e *engine, say func(string, ...any)) error {
	if s.options.Push == nil || s.Outputs.Cluster != nil {
		return nil
	}
	image, err := e.upRegistry(ctx, say)
	if err != nil {
		return err
	}
	if err := s.options.Push(ctx, e.daemon, image); err != nil {
		return fmt.Errorf("push %q: %w", image, err)
	}
	return nil
}

// deploy runs the engine and reads the outputs.
func (s *Stack) deploy(ctx context.Context, e *engine, say func(string, ...any)) (changes, error) {
	say("starting")
	if err := e.ensureStack(ctx, s.options.settings()); err != nil {
		return changes{}, err
	}
	if err := s.push(ctx, e, say); err != nil {
		return changes{}, err
	}
	c, err := e.up(ctx, say)
	if err != nil {
		return c, err
	}
	s.Outputs, err = e.outputs(ctx)
	return c, err
}
