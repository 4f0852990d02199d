// Package scenarios brings a stack with a cluster up on this machine, proves things on it, and takes it down. AWS is
// the emulator; the control plane and what runs on it are the real programs.
package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"dip/internal/terminal"
	"dip/local"
	"dip/tools/lab/charts"
	"dip/tools/lab/programs"
)

// stackName is the stack that is brought up.
const stackName = "dev"

// Options of Run.
type Options struct {
	// Root is the checkout; empty: the one that the working directory lies in.
	Root string
	// Dir is where everything is kept while it runs; empty: a folder under the user's cache. It is dropped at the end,
	// unless something failed: then the logs in it stay.
	Dir string
	// Screen shows progress and report.
	Screen *terminal.Screen
	// Only names the scenarios to run; empty: all.
	Only []string
	// Keep leaves everything up after the scenarios until the context ends.
	Keep bool
}

// Lab is what scenarios work with.
type Lab struct {
	Stack   *local.Stack
	Cluster *Cluster

	options  Options
	show     *terminal.Steps
	binaries map[string]string // programs by name
}

// Run brings the stack up, runs the scenarios, prints what they found, and takes everything down. The end of the
// context ends it early, and takes everything down too.
func Run(ctx context.Context, o Options) error {
	chosen, err := choose(o.Only)
	if err != nil {
		return err
	}
	if o.Root, err = local.FindRoot(cmp.Or(o.Root, ".")); err != nil {
		return err
	}
	if o.Dir, err = folder(o); err != nil {
		return err
	}
	l := &Lab{options: o, show: terminal.NewSteps(o.Screen)}
	began := time.Now()
	err = l.run(ctx, chosen)
	if err != nil {
		return fmt.Errorf("%w\n(logs: %s)", err, o.Dir)
	}
	o.Screen.Notef("the lab took %s", terminal.Duration(time.Since(began)))
	return os.RemoveAll(o.Dir)
}

func folder(o Options) (string, error) {
	if o.Dir != "" {
		return filepath.Abs(o.Dir)
	}
	cache, err := local.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "lab", filepath.Base(local.StateDir(cache, o.Root, stackName))), nil
}

// run does everything between an empty folder and an empty machine.
func (l *Lab) run(ctx context.Context, chosen []scenario) error {
	if err := os.RemoveAll(l.options.Dir); err != nil {
		return fmt.Errorf("drop an earlier run: %w", err)
	}
	if err := os.MkdirAll(l.options.Dir, 0o755); err != nil {
		return fmt.Errorf("make the lab's folder: %w", err)
	}
	log, err := os.Create(filepath.Join(l.options.Dir, "clients.log"))
	if err != nil {
		return fmt.Errorf("make the lab's folder: %w", err)
	}
	defer log.Close()
	// Log lines of the Kubernetes clients would break up the progress display.
	klog.SetLogger(textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(log))))
	if err := l.prepare(ctx); err != nil {
		return err
	}
	for _, s := range chosen {
		if s.before {
			if err := l.try(ctx, s); err != nil {
				return err
			}
		}
	}
	if slices.ContainsFunc(chosen, func(s scenario) bool { return !s.before }) || l.options.Keep {
		return l.withStack(ctx, chosen)
	}
	return nil
}

// prepare builds what runs.
func (l *Lab) prepare(ctx context.Context) error {
	if _, err := exec.LookPath("aws"); err != nil {
		return fmt.Errorf("the stack's kubeconfig runs the aws command line (aws eks get-token), which is not installed: %w",
			err)
	}
	return l.show.Run("programs", func(say func(string, ...any)) (text string, err error) {
		l.binaries, err = programs.Provide(ctx, l.options.Root, programs.Cluster, say)
		if err != nil {
			return "", err
		}
		return "ready", charts.Write(l.charts(), l.binaries["keda-crds"])
	})
}

// withStack runs the scenarios that need the stack, and takes it down whatever their outcome.
func (l *Lab) withStack(ctx context.Context, chosen []scenario) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	err := l.up(ctx, fail)
	for _, s := range chosen {
		if err == nil && !s.before {
			err = l.try(ctx, s)
		}
	}
	if l.options.Keep && ctx.Err() == nil && l.Stack != nil {
		l.wait(ctx, err)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(err, cause)
	}
	// What was begun is taken down also when the context has ended.
	return errors.Join(err, l.down(context.WithoutCancel(ctx)))
}

// wait leaves everything up until the context ends.
func (l *Lab) wait(ctx context.Context, err error) {
	if err != nil {
		l.options.Screen.Notef("%v", err)
	}
	l.options.Screen.Notef("everything stays up until Ctrl-C:\n  export KUBECONFIG=%s\n  export %s",
		l.Cluster.Plane.AdminKubeconfig, strings.Join(l.Stack.Daemon.Environment(), " "))
	<-ctx.Done()
}
