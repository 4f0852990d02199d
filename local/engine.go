package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"

	"dip/internal/client"
)

// pulumiInterrupt is how long the engine may take after an interrupt to finish operations in flight and save its state.
const pulumiInterrupt = 90 * time.Second

// engineParallel is how many resources the engine processes at once. Most of the time the provider only waits.
const engineParallel = "64"

// engine runs the Pulumi CLI on a stack. Its project is a copy of the checkout's, with a prebuilt program and settings
// that name the emulator; nothing is written into the checkout.
type engine struct {
	place   place
	root    string
	stack   string            // name
	env     map[string]string // for the CLI, in addition to what this package sets
	tools   Toolchain
	program string // the built Pulumi program
	daemon  Daemon
	lock    *lock // inherited by the engine, so that it holds as long as the engine lives, even if this process dies
}

// prepare writes the project.
func (e *engine) prepare(settings map[string]any) error {
	project, err := readYAML(filepath.Join(e.root, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	project["main"] = e.root
	project["runtime"] = map[string]any{"name": "go", "options": map[string]any{"binary": e.program}}
	if err := writeYAML(filepath.Join(e.place.project(), "Pulumi.yaml"), project); err != nil {
		return err
	}
	c, err := stackConfig(e.root, e.stack, settings)
	if err != nil {
		return err
	}
	stack := map[string]any{"config": c}
	target := filepath.Join(e.place.project(), stackFile(e.stack))
	// The salt belongs to a state. The checkout's, if it has one, belongs to another.
	if old, err := readYAML(target); err == nil && old["encryptionsalt"] != nil {
		stack["encryptionsalt"] = old["encryptionsalt"]
	}
	return writeYAML(target, stack)
}

func readYAML(path string) (map[string]any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the project: %w", err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return doc, nil
}

func writeYAML(path string, doc map[string]any) error {
	data, err := yaml.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("write the project: %w", err)
	}
	return nil
}

// ensureStack writes the project, and creates the stack if the backend does not have it yet.
func (e *engine) ensureStack(ctx context.Context, settings map[string]any) error {
	if err := e.prepare(settings); err != nil {
		return err
	}
	var log bytes.Buffer
	if err := e.run(ctx, &log, &log, "stack", "select", "--create", "--stack", e.stack, "--secrets-provider",
		"passphrase"); err != nil {
		return fmt.Errorf("create the stack: %w: %s", err, strings.TrimSpace(log.String()))
	}
	return nil
}

// up deploys what the program declares.
func (e *engine) up(ctx context.Context, say func(string, ...any)) (changes, error) {
	return e.operate(ctx, "up", say, "--skip-preview", "--yes", "--suppress-outputs")
}

// registry is what cmd/deploy updates alone, before it pushes the image.
const registry = "**dip:registry:Registry**"

// upRegistry deploys the repository of images alone, and returns the name of the image that belongs there.
func (e *engine) upRegistry(ctx context.Context, say func(string, ...any)) (string, error) {
	_, err := e.operate(ctx, "up", say, "--skip-preview", "--yes", "--suppress-outputs", "--target", registry)
	if err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	if err := e.run(ctx, &stdout, &stderr, "stack", "output", "--json", "--show-secrets", "--stack", e.stack); err != nil {
		return "", fmt.Errorf("read the stack's outputs: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var outputs struct{ Cluster struct{ Image string } }
	if err := json.Unmarshal(stdout.Bytes(), &outputs); err != nil {
		return "", fmt.Errorf("read the stack's outputs: %w", err)
	}
	return outputs.Cluster.Image, nil
}

// preview reports what up would do.
func (e *engine) preview(ctx context.Context, say func(string, ...any)) (changes, error) {
	return e.operate(ctx, "preview", say, "--suppress-outputs")
}

// refresh updates the state to match the resources.
func (e *engine) refresh(ctx context.Context, say func(string, ...any)) (changes, error) {
	return e.operate(ctx, "refresh", say, "--skip-preview", "--yes", "--suppress-outputs")
}

// destroy deletes all resources, then the stack.
func (e *engine) destroy(ctx context.Context, say func(string, ...any)) (changes, error) {
	c, err := e.operate(ctx, "destroy", say, "--skip-preview", "--yes")
	if err != nil {
		return c, err
	}
	var log bytes.Buffer
	if err := e.run(ctx, &log, &log, "stack", "rm", "--yes", "--stack", e.stack, "--preserve-config"); err != nil {
		return c, fmt.Errorf("remove the stack: %w: %s", err, strings.TrimSpace(log.String()))
	}
	return c, nil
}

// outputs reads the stack's outputs.
func (e *engine) outputs(ctx context.Context) (client.Outputs, error) {
	var stdout, stderr bytes.Buffer
	if err := e.run(ctx, &stdout, &stderr, "stack", "output", "--json", "--show-secrets", "--stack", e.stack); err != nil {
		return client.Outputs{}, fmt.Errorf("read the stack's outputs: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return client.ParseOutputs(stdout.Bytes())
}

// operate runs an operation on the resources. The engine's output goes to a log file; its events become progress and,
// if it fails, the error's text.
func (e *engine) operate(
	ctx context.Context, operation string, say func(string, ...any), args ...string) (changes, error,
) {
	log, err := os.Create(e.place.log("pulumi-" + operation))
	if err != nil {
		return changes{}, fmt.Errorf("pulumi %s: %w", operation, err)
	}
	defer log.Close()
	events := e.place.log("pulumi-" + operation + "-events")
	if err := os.WriteFile(events, nil, 0o644); err != nil {
		return changes{}, fmt.Errorf("pulumi %s: %w", operation, err)
	}
	var c changes
	reading, done := context.WithCancel(context.Background())
	read := make(chan error, 1)
	go func() {
		read <- follow(reading, events, 0, func(line []byte) error {
			if err := c.note(line); err != nil {
				return err
			}
			say("%s", c.String())
			return nil
		})
	}()
	args = append([]string{operation, "--stack", e.stack, "--event-log", events, "--parallel", engineParallel}, args...)
	err = e.run(ctx, log, log, args...)
	done()
	if readErr := <-read; readErr != nil {
		err = errors.Join(err, fmt.Errorf("follow pulumi %s: %w", operation, readErr))
	}
	switch {
	case ctx.Err() != nil:
		return c, fmt.Errorf("pulumi %s was interrupted: %w", operation, context.Cause(ctx))
	case err != nil:
		return c, fmt.Errorf("pulumi %s: %w\n%s(full log: %s)", operation, err, c.problems(), log.Name())
	}
	return c, nil
}

// run runs the CLI. When ctx ends, it gets SIGINT: it finishes operations in flight and saves its state.
func (e *engine) run(ctx context.Context, stdout, stderr io.Writer, args ...string) error {
	args = append(args, "--cwd", e.place.project(), "--non-interactive", "--color", "never")
	cmd := exec.CommandContext(ctx, e.tools.Pulumi, args...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Env = append(withoutAWS(os.Environ()), e.environment()...)
	cmd.ExtraFiles = []*os.File{e.lock.file}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches it only once, through ctx
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = pulumiInterrupt
	return cmd.Run()
}

// environment of the CLI. --event-log needs PULUMI_DEBUG_COMMANDS.
func (e *engine) environment() []string {
	env := append(e.daemon.Environment(),
		"PULUMI_BACKEND_URL=file://"+filepath.ToSlash(e.place.backend()),
		"PULUMI_CONFIG_PASSPHRASE=",
		"PULUMI_DEBUG_COMMANDS=true",
	)
	for _, more := range []map[string]string{e.tools.Env, e.env} {
		for name, value := range more {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// unfinished reports whether an operation was cut off so abruptly that the state does not have its outcome.
func (p place) unfinished() (bool, error) {
	files, err := filepath.Glob(filepath.Join(p.backend(), ".pulumi", "stacks", "*", "*.json"))
	if err != nil {
		return false, fmt.Errorf("find the stack's state: %w", err)
	}
	for _, f := range files {
		var state struct {
			Checkpoint struct {
				Latest struct {
					Pending []json.RawMessage `json:"pending_operations"`
				} `json:"latest"`
			} `json:"checkpoint"`
		}
		if _, err := readJSON(f, &state); err != nil || len(state.Checkpoint.Latest.Pending) > 0 {
			return true, nil // an unreadable state was cut off too
		}
	}
	return false, nil
}

// unlock drops the engine's own locks. The caller holds our lock, so no engine is running.
func (p place) unlock() error {
	if err := os.RemoveAll(filepath.Join(p.backend(), ".pulumi", "locks")); err != nil {
		return fmt.Errorf("drop the locks of an interrupted run: %w", err)
	}
	return nil
}
