// Package compile runs `go build` and reports its progress, since a cold build takes minutes. It imports only the
// standard library: it must itself be compiled before it can report the first build.
package compile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// interrupt is how long a build may take to end after it was interrupted.
const interrupt = 10 * time.Second

// Build is a call of go build.
type Build struct {
	Dir      string   // of the module
	What     string   // what is built, as in "compiling WHAT: 431 of 1,204 packages"
	Flags    []string // build flags, without -o
	Out      string   // -o; "": nothing is linked, and the packages are in the build cache afterwards
	Packages []string
	Env      []string // on top of this process's and of Env
	// Say hears of the progress, for each module and each package.
	Say func(string)
}

// Env is what every build of this project sets. Packages are shared through the build cache only between builds that
// agree on it and on -trimpath, which is for archives alone.
func Env() []string { return []string{"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off"} }

// staleFormat lists what is to be compiled. A program that is compiled but not linked is stale as well.
const staleFormat = `{{if and .Stale (ne .StaleReason "not installed but available in build cache")}}` +
	`{{.Name}} {{.ImportPath}}{{end}}`

// Run builds. The error has what the compiler says.
func (b Build) Run(ctx context.Context) error {
	p, libraries, err := b.plan(ctx)
	if err != nil {
		return err
	}
	args := append([]string{"build", "-v"}, b.Flags...)
	switch {
	case b.Out != "":
		args = append(append(args, "-o", b.Out), b.Packages...)
	case len(libraries) == 0:
		return nil
	default: // without the programs, which would be linked
		args = append(args, libraries...)
	}
	return b.run(ctx, p, io.Discard, args...)
}

// plan downloads what is missing and lists what is to be compiled: everything, and the part that is not a program.
func (b Build) plan(ctx context.Context) (*progress, []string, error) {
	p := &progress{what: b.What}
	var file, cache, list bytes.Buffer
	err := errors.Join(
		b.run(ctx, p, &file, "mod", "edit", "-json"),
		b.run(ctx, p, &cache, "env", "GOMODCACHE"))
	if err != nil {
		return nil, nil, err
	}
	p.modules, err = absent(file.Bytes(), strings.TrimSpace(cache.String()), func(dir string) bool {
		_, err := os.Stat(dir)
		return err == nil
	})
	if err != nil {
		return nil, nil, err
	}
	args := slices.Concat([]string{"list", "-deps", "-f", staleFormat}, b.Flags, b.Packages)
	if err := b.run(ctx, p, &list, args...); err != nil {
		return nil, nil, err
	}
	p.stale = map[string]bool{}
	var libraries []string
	for line := range strings.Lines(list.String()) {
		name, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		p.stale[path] = true
		if name != "main" {
			libraries = append(libraries, path)
		}
	}
	return p, libraries, nil
}

// run runs the go tool. What it writes to standard error is progress or, when it fails, in the error.
func (b Build) run(ctx context.Context, p *progress, stdout io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stdout = b.Dir, stdout
	cmd.Env = slices.Concat(os.Environ(), Env(), b.Env)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it takes its compilers and its folder with it
	cmd.WaitDelay = interrupt
	err := listen(cmd, func(line string) {
		if text := p.line(line); text != "" {
			b.Say(text)
		}
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go %s in %s: %w\n%s", args[0], b.Dir, err, strings.Join(p.rest, "\n"))
	}
	return nil
}

// listen runs a command and hears each line that it writes to standard error.
func listen(cmd *exec.Cmd, hear func(line string)) error {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(stderr)
	for err == nil { // the end of what it writes tells nothing: Wait does
		var line string
		line, err = lines.ReadString('\n')
		hear(strings.TrimSuffix(line, "\n"))
	}
	return cmd.Wait()
}
