package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"dip/internal/build"
	"dip/internal/terminal"
	"dip/local/emulator"
	"dip/local/runner"
)

// StackName is the default stack of local mode.
const StackName = "local"

// Options of Up, Preview and Open.
type Options struct {
	// Root is the checkout; empty: the one that contains the working directory.
	Root string
	// Stack is one of the checkout's stacks, by the name in Pulumi.NAME.yaml; empty: StackName. Each has its own state and
	// emulator.
	Stack string
	// StateDir is where everything is kept; empty: a folder for Root and Stack in the user's cache.
	StateDir string
	// BuildDir is where the built program and functions are kept; empty: in StateDir if that is set, else a folder for
	// Root in the user's cache, where the next Up of any of its stacks finds them even after a Down.
	BuildDir string
	// Screen shows the steps; nil: they are not shown.
	Screen *terminal.Screen
	// InProcess runs the emulator and the functions as parts of this process, so that they end with it, instead of in
	// the background.
	InProcess bool
	// OnInvoke observes every invocation; InProcess only.
	OnInvoke func(runner.Invocation)
	// Settings are set in the stack's config on top of its file: "project:key" or "provider:key" to value. Objects are
	// merged, all other values replaced.
	Settings map[string]any
	// Env is set for the engine, and so for the program and the plugins, on top of this process's environment and of the
	// variables that point AWS clients at the emulator.
	Env map[string]string
	// ControlPlane returns the address of the stack's cluster. It is called once the emulator responds, before anything
	// is deployed; nil: nothing listens at the cluster's address.
	ControlPlane func(context.Context, Daemon) (emulator.ControlPlane, error)
	// Push pushes the image of a stack with a cluster, by the name that pods run. It is called before the first update,
	// after one of the repository alone, as cmd/deploy does; nil: nothing is pushed.
	Push func(ctx context.Context, d Daemon, image string) error
}

// resolve fills in the defaults.
func (o Options) resolve() (Options, error) {
	if o.Root == "" {
		o.Root = "."
	}
	root, err := FindRoot(o.Root)
	if err != nil {
		return o, err
	}
	o.Root, o.Stack = root, cmp.Or(o.Stack, StackName)
	if o.BuildDir == "" && o.StateDir != "" {
		o.BuildDir = filepath.Join(o.StateDir, "build")
	}
	if o.StateDir == "" {
		cache, err := CacheDir()
		if err != nil {
			return o, err
		}
		o.StateDir = StateDir(cache, root, o.Stack)
		o.BuildDir = cmp.Or(o.BuildDir, filepath.Join(cache, "build", filepath.Base(StateDir(cache, root, StackName))))
	}
	if o.BuildDir, err = filepath.Abs(o.BuildDir); err != nil {
		return o, fmt.Errorf("find the build folder: %w", err)
	}
	if o.StateDir, err = filepath.Abs(o.StateDir); err != nil {
		return o, fmt.Errorf("find the state folder: %w", err)
	}
	if o.Screen == nil {
		o.Screen = &terminal.Screen{Out: io.Discard, Err: io.Discard}
	}
	return o, nil
}

// artifacts is the folder with the program and the functions built for this machine.
func (o Options) artifacts() string { return filepath.Join(o.BuildDir, runtime.GOARCH) }

// Image is the folder with the programs of the stack's container image, once Up has built them. BuildDir must be set.
func (o Options) Image() string { return build.Image(o.artifacts()) }

// tools gets the engine the tools that this stack needs.
func (o Options) tools(ctx context.Context, e *engine, say func(string, ...any)) error {
	c, err := stackConfig(o.Root, o.Stack, o.settings())
	if err != nil {
		return err
	}
	cluster, err := hasCluster(o.Root, o.Stack, c)
	if err != nil {
		return err
	}
	e.tools, err = toolchain(ctx, o.Root, cluster, say)
	return err
}

// build builds the functions' archives and the Pulumi program. The checkout's stacks share them, so that one run builds
// at a time.
func (o Options) build(ctx context.Context, program string, say func(string, ...any)) error {
	held, err := place(o.BuildDir).enter(ctx, o.Screen)
	if err != nil {
		return err
	}
	err = build.Run(ctx, build.Options{
		Project: o.Root, Out: o.artifacts(), Program: program, Log: io.Discard, Say: func(text string) { say("%s", text) },
	})
	return errors.Join(err, held.release())
}
