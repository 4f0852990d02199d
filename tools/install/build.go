package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"dip/internal/compile"
)

// tool is something that is built from a module below tools/.
type tool struct {
	name    string // of the cache entry
	module  string // folder below tools/
	shares  string // folder below tools/ of another module that it is built from; "": none
	what    string // for progress lines
	version string // of what is pinned; "": the project's own
	files   []string
	build   func(in *installer, module, out string) error
}

const (
	cliVersion   = "v3.220.0"
	awsVersion   = "v6.83.2" // of the aws plugin, and of the Go SDK in go.mod
	awsPlugin    = "pulumi-resource-aws"
	awsCatalog   = "catalog.zip"
	languageHost = "pulumi-language-go"
	pluginModule = "pulumi/plugin" // what the plugins share
)

// stripped leaves symbols and debug information out of a binary.
const stripped = "-s -w"

var (
	cli = program("pulumi", "pins/pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "the Pulumi CLI", cliVersion,
		// Without its version the CLI calls itself 3.0.0-dev, which clients refuse.
		stripped+" -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version="+cliVersion)
	language = program(languageHost, "pulumi/language-go", ".", "the Go language host", "", stripped)
	aws      = tool{
		name: awsPlugin, module: "pulumi/aws", shares: pluginModule, files: []string{awsPlugin, awsCatalog},
		what: "the aws plugin", version: awsVersion, build: buildAWS,
	}
)

// program is a tool that is one binary.
func program(name, module, pkg, what, version, ldflags string) tool {
	return tool{
		name: name, module: module, what: what, version: version, files: []string{name},
		build: func(in *installer, module, out string) error {
			return in.compile(module, what, filepath.Join(out, name), pkg, ldflags)
		},
	}
}

// sharing is the tool when it is built from another module too.
func (t tool) sharing(module string) tool {
	t.shares = module
	return t
}

func buildAWS(in *installer, module, out string) error {
	if err := in.compile(module, "the aws plugin", filepath.Join(out, awsPlugin), "./cmd/"+awsPlugin,
		stripped); err != nil {
		return err
	}
	// The generator reads the SDK's source, which no build downloads.
	if err := goTool(module, in.log, "mod", "download", "github.com/pulumi/pulumi-aws/sdk/v6"); err != nil {
		return err
	}
	return goTool(module, in.log, "run", "./cmd/mapgen", "-report", filepath.Join(out, "report.txt"),
		filepath.Join(out, awsCatalog))
}

// compile builds a program and shows its progress.
func (in *installer) compile(module, what, out, pkg, ldflags string) error {
	return compile.Build{
		Dir: module, What: what, Out: out, Packages: []string{pkg}, Flags: []string{"-ldflags=" + ldflags},
		Say: compile.Every(in.every, time.Now, func(text string) { fmt.Fprintln(in.log, text) }),
	}.Run(context.Background())
}

func goTool(dir string, log io.Writer, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), compile.Env()...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s in %s: %w", args[0], dir, err)
	}
	return nil
}

// ensure returns the folder with the tool's files, built when the cache has none
// for the present state of its sources.
func (in *installer) ensure(t tool) (string, error) {
	module := filepath.Join(in.source, "tools", t.module)
	sources := []string{module}
	if t.shares != "" {
		sources = append(sources, filepath.Join(in.source, "tools", t.shares))
	}
	key, err := fingerprint(sources...)
	if err != nil {
		return "", fmt.Errorf("read the sources of %s: %w", t.name, err)
	}
	dir := filepath.Join(in.cache, "tools", t.name+"-"+key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unlock, err := lock(filepath.Join(in.cache, "tools", t.name+".lock"), t.name, in.log)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil { // the previous holder of the lock has built it
		return dir, nil
	}
	fmt.Fprintf(in.log, "building %s ...\n", strings.TrimSpace(t.what+" "+t.version))
	start := time.Now()
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o755)); err != nil {
		return "", fmt.Errorf("build %s: %w", t.name, err)
	}
	if err := t.build(in, module, part); err != nil {
		return "", fmt.Errorf("build %s: %w", t.name, err)
	}
	for _, f := range t.files {
		if _, err := os.Stat(filepath.Join(part, f)); err != nil {
			return "", fmt.Errorf("build %s: %w", t.name, err)
		}
	}
	// The folder appears whole or not at all.
	if err := os.Rename(part, dir); err != nil {
		return "", fmt.Errorf("build %s: %w", t.name, err)
	}
	fmt.Fprintf(in.log, "built %s in %v\n", t.name, time.Since(start).Round(time.Second))
	return dir, nil
}

// fingerprint is a hash of all that decides what modules build to: their files but tests, the Go release and the
// platform.
func fingerprint(modules ...string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, module := range modules {
		if err := hashFiles(h, module); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

func hashFiles(h io.Writer, module string) error {
	return filepath.WalkDir(module, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(p, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(module, p)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(h, "%s %d\n%s", filepath.ToSlash(rel), len(b), b)
		return err
	})
}
