// Package build makes the functions' archives, the programs of the workers' image, and the Pulumi program. The same
// sources give the same bytes, so that a deployment changes a function only when its code did.
package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"dip/internal/compile"
)

// Program is where the deployment's program goes by default, in the project. Pulumi.yaml names the same file.
const Program = "build/program"

// Options say what to build.
type Options struct {
	Project string // folder of the project
	Out     string // folder of the archives; "" is build/<arch> in the project
	Program string // path of the deployment's program; "" is Program in the project
	// Arch is amd64 or arm64: the same sources give the same archives, wherever they are built by the same C compiler, or
	// by none. "" is this machine's, for this machine alone: what tests and tools have compiled is not compiled again,
	// there is no C in it, and binaries name the folder that they were built in.
	Arch string
	Only []string     // names of functions; none is every function, the restage job and the program
	Log  io.Writer    // gets a line for each result
	Say  func(string) // called with the progress, many times a second; may be nil
}

// Run builds. The error has the compiler's output.
func Run(ctx context.Context, o Options) error {
	var flags []string
	var zstd compression
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	} else {
		flags, zstd = []string{"-trimpath"}, findCompression(ctx, o.Arch)
	}
	flags = append(flags, "-tags=lambda.norpc"+zstd.tags, "-ldflags=-s -w"+zstd.linker)
	if o.Say == nil {
		o.Say = func(string) {}
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
	if zstd.what != "" {
		if err := o.tell("zstd", zstd.what); err != nil {
			return err
		}
	}
	if program { // first: it takes longest
		if err := o.program(ctx); err != nil {
			return err
		}
	}
	return o.functions(ctx, names, program, flags, zstd.env)
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

// program is built as Pulumi's language host does, which then finds it up to date.
func (o Options) program(ctx context.Context) error {
	path, err := filepath.Abs(o.Program)
	if err != nil {
		return fmt.Errorf("find %s: %w", o.Program, err)
	}
	b := compile.Build{Dir: o.Project, What: "the program", Out: path, Packages: []string{"."}, Say: o.Say}
	if err := b.Run(ctx); err != nil {
		return fmt.Errorf("build the program: %w", err)
	}
	return o.tell("program", "ready")
}

// functions builds the functions' archives and, beside them or alone, what the image has. One call of the go tool
// compiles once what they share.
func (o Options) functions(ctx context.Context, names []string, restage bool, flags, env []string) error {
	bin, err := filepath.Abs(filepath.Join(o.Out, "bin"))
	if err != nil {
		return fmt.Errorf("find %s: %w", o.Out, err)
	}
	b := compile.Build{
		Dir: o.Project, What: "the functions", Out: bin + string(filepath.Separator), Flags: flags,
		Env: append([]string{"GOOS=linux", "GOARCH=" + o.Arch}, env...), Say: o.Say,
	}
	for _, name := range names {
		b.Packages = append(b.Packages, "./lambdas/"+name)
	}
	if restage {
		b.Packages = append(b.Packages, "./cmd/"+Restage)
	}
	if err := b.Run(ctx); err != nil {
		return fmt.Errorf("build the functions: %w", err)
	}
	for _, name := range names {
		if err := o.function(name); err != nil {
			return fmt.Errorf("build %s.zip: %w", name, err)
		}
	}
	if !restage {
		return nil
	}
	outcome, err := o.intoImage(Restage)
	if err != nil {
		return fmt.Errorf("build %s: %w", Restage, err)
	}
	return o.tell(Restage, outcome)
}

// function makes the archive of a function's binary.
func (o Options) function(name string) error {
	if inImage(name) {
		if _, err := o.intoImage(name); err != nil {
			return err
		}
	}
	changed, err := archive(filepath.Join(o.Out, "bin", name), filepath.Join(o.Out, name+".zip"))
	if err != nil {
		return err
	}
	if changed {
		return o.tell(name+".zip", "built")
	}
	return o.tell(name+".zip", "unchanged")
}

func (o Options) tell(what, outcome string) error {
	_, err := fmt.Fprintf(o.Log, "%-24s %s\n", what, outcome)
	return err
}
