// Package build makes the functions' archives, the programs of the workers' image, and the Pulumi program. The same sources give the same bytes, so that a
// deployment changes a function only when its code did.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Program is where the deployment's program goes by default, in the project. Pulumi.yaml names the same file.
const Program = "build/program"

// Options say what to build.
type Options struct {
	Project string   // folder of the project
	Out     string   // folder of the archives; "" is build/<arch> in the project
	Program string   // path of the deployment's program; "" is Program in the project
	Arch    string   // amd64 or arm64; "" is the host's
	Only    []string // names of functions; none is every function, the restage job and the program
	Log     io.Writer
}

// Run builds. The error lists everything that failed, with the compiler's output.
func Run(ctx context.Context, o Options) error {
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	if o.Arch != "amd64" && o.Arch != "arm64" {
		return fmt.Errorf("architecture %q: Lambda has amd64 and arm64", o.Arch)
	}
	if o.Out == "" {
		o.Out = filepath.Join(o.Project, "build", o.Arch)
	}
	if o.Program == "" {
		o.Program = filepath.Join(o.Project, Program)
	}
	names, err := Functions(o.Project)
	if err != nil {
		return err
	}
	if slices.Contains(names, Restage) {
		return fmt.Errorf("lambdas/%s: a program of this name is in the image already: choose another", Restage)
	}
	program := len(o.Only) == 0
	if !program {
		for _, name := range o.Only {
			if !slices.Contains(names, name) {
				return fmt.Errorf("no function %q: lambdas has %s", name, strings.Join(names, ", "))
			}
		}
		names = o.Only
	}
	if err := os.MkdirAll(filepath.Join(o.Out, "bin"), 0o755); err != nil {
		return fmt.Errorf("make the output folder: %w", err)
	}
	return o.all(ctx, names, program)
}

// Functions lists the functions of a project: the folders of lambdas.
func Functions(project string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(project, "lambdas"))
	if err != nil {
		return nil, fmt.Errorf("list functions: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (o Options) all(ctx context.Context, names []string, program bool) error {
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	var lock sync.Mutex
	var errs []error
	start := func(label string, make func(context.Context) (string, error)) {
		group.Go(func() error {
			begun := time.Now()
			outcome, err := make(ctx)
			lock.Lock()
			defer lock.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("build %s: %w", label, err))
				return nil
			}
			_, err = fmt.Fprintf(o.Log, "%-24s %-10s %s\n", label, outcome, time.Since(begun).Round(10*time.Millisecond))
			errs = append(errs, err)
			return nil
		})
	}
	if program { // first: it takes longest
		start("program", o.program)
	}
	for _, name := range names {
		start(name+".zip", func(ctx context.Context) (string, error) { return o.function(ctx, name) })
	}
	if program {
		start(Restage, o.restage)
	}
	return errors.Join(append(errs, group.Wait())...)
}

// program is built as Pulumi's language host does, which then finds it up to date.
func (o Options) program(ctx context.Context) (string, error) {
	path, err := filepath.Abs(o.Program)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", o.Program, err)
	}
	return "ready", o.compile(ctx, nil, "-o", path, ".")
}

func (o Options) function(ctx context.Context, name string) (string, error) {
	if err := o.binary(ctx, name, "./lambdas/"+name); err != nil {
		return "", err
	}
	if inImage(name) {
		if _, err := o.intoImage(name); err != nil {
			return "", err
		}
	}
	if changed, err := archive(filepath.Join(o.Out, "bin", name), filepath.Join(o.Out, name+".zip")); err != nil || changed {
		return "built", err
	}
	return "unchanged", nil
}

// binary builds a program for Lambda and for the cluster.
func (o Options) binary(ctx context.Context, name, pkg string) error {
	path, err := filepath.Abs(filepath.Join(o.Out, "bin", name))
	if err != nil {
		return fmt.Errorf("find %s: %w", o.Out, err)
	}
	return o.compile(ctx, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + o.Arch},
		"-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", path, pkg)
}

// compile runs the compiler. It leaves an output alone that is up to date.
func (o Options) compile(ctx context.Context, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...)
	cmd.Dir = o.Project
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
