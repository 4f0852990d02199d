package main

import (
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
)

// tool is something that is built from a module below tools/.
type tool struct {
	name   string // of the cache entry
	module string // folder below tools/
	what   string // for the progress line
	files  []string
	build  func(module, out string, log io.Writer) error
}

const (
	cliVersion   = "v3.220.0"
	awsVersion   = "v6.83.2" // of the aws plugin, and of the Go SDK in go.mod
	awsPlugin    = "pulumi-resource-aws"
	awsCatalog   = "catalog.zip"
	languageHost = "pulumi-language-go"
)

var (
	cli = tool{
		name: "pulumi", module: "pulumi", files: []string{"pulumi"},
		what: "the Pulumi CLI " + cliVersion + " (about 3 minutes the first time)",
		build: func(module, out string, log io.Writer) error {
			return goTool(module, log, "build",
				// Without its version the CLI calls itself 3.0.0-dev, which clients refuse.
				"-ldflags=-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version="+cliVersion,
				"-o", filepath.Join(out, "pulumi"), "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
		},
	}
	language = tool{
		name: languageHost, module: "language-go", files: []string{languageHost},
		what: "the Go language host",
		build: func(module, out string, log io.Writer) error {
			return goTool(module, log, "build", "-ldflags=-s -w", "-o", filepath.Join(out, languageHost), ".")
		},
	}
	aws = tool{
		name: awsPlugin, module: "aws", files: []string{awsPlugin, awsCatalog},
		what: "the aws plugin " + awsVersion + " (about a minute)",
		build: func(module, out string, log io.Writer) error {
			if err := goTool(module, log, "build", "-ldflags=-s -w", "-o", filepath.Join(out, awsPlugin), "./cmd/"+awsPlugin); err != nil {
				return err
			}
			// The generator reads the SDK's source, which no build downloads.
			if err := goTool(module, log, "mod", "download", "github.com/pulumi/pulumi-aws/sdk/v6"); err != nil {
				return err
			}
			return goTool(module, log, "run", "./cmd/mapgen", "-report", filepath.Join(out, "report.txt"), filepath.Join(out, awsCatalog))
		},
	}
)

func goTool(dir string, log io.Writer, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
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
	key, err := fingerprint(module)
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
	if _, err := os.Stat(dir); err == nil { // whoever held the lock has built it
		return dir, nil
	}
	fmt.Fprintf(in.log, "building %s ...\n", t.what)
	start := time.Now()
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o755)); err != nil {
		return "", fmt.Errorf("build %s: %w", t.name, err)
	}
	if err := t.build(module, part, in.log); err != nil {
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

// fingerprint is a hash of all that decides what a module builds to: its files
// but tests, the Go release and the platform.
func fingerprint(module string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	err := filepath.WalkDir(module, func(p string, d fs.DirEntry, err error) error {
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
		fmt.Fprintf(h, "%s %d\n", filepath.ToSlash(rel), len(b))
		h.Write(b)
		return nil
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
