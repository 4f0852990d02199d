package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// The options of a project's runtime that this host knows, with the meaning that
// they have in Pulumi's own host:
const (
	optBinary = "binary"      // run this executable; nothing is built
	optTarget = "buildTarget" // build to this path, so that the linker's work is kept
)

func option(info *pulumirpc.ProgramInfo, name string) string {
	return info.GetOptions().GetFields()[name].GetStringValue()
}

// executable returns the program to run. It is built when the project names no
// binary; unless fresh is set, what this host has built before will do. (The
// engine asks for the plugins, with fresh, at the start of each operation.)
func (h *host) executable(ctx context.Context, info *pulumirpc.ProgramInfo, fresh bool) (string, error) {
	if name := option(info, optBinary); name != "" {
		return findBinary(info, name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := info.GetProgramDirectory() + "\x00" + info.GetEntryPoint()
	if exe, ok := h.built[key]; ok && !fresh {
		return exe, nil
	}
	exe := option(info, optTarget)
	switch {
	case exe == "" && h.built[key] != "":
		exe = h.built[key]
	case exe == "":
		dir, err := os.MkdirTemp("", "pulumi-go-")
		if err != nil {
			return "", fmt.Errorf("make a place for the program: %w", err)
		}
		h.temp = append(h.temp, dir)
		exe = filepath.Join(dir, "program")
	case !filepath.IsAbs(exe):
		exe = filepath.Join(info.GetRootDirectory(), exe)
	}
	if err := goBuild(ctx, info, exe); err != nil {
		return "", err
	}
	h.built[key] = exe
	return exe, nil
}

func goBuild(ctx context.Context, info *pulumirpc.ProgramInfo, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, info.GetEntryPoint())
	cmd.Dir = info.GetProgramDirectory()
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program in %s: go build: %w\n%s", cmd.Dir, err, strings.TrimSpace(string(b)))
	}
	return nil
}

// findBinary looks for a prebuilt executable in the program's folder, the
// project's folder and PATH.
func findBinary(info *pulumirpc.ProgramInfo, name string) (string, error) {
	if filepath.IsAbs(name) {
		if err := isFile(name); err != nil {
			return "", fmt.Errorf("options.%s of Pulumi.yaml: %w", optBinary, err)
		}
		return name, nil
	}
	for _, dir := range []string{info.GetProgramDirectory(), info.GetRootDirectory()} {
		if p := filepath.Join(dir, name); isFile(p) == nil {
			return p, nil
		}
	}
	if !strings.ContainsRune(name, filepath.Separator) {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("options.%s of Pulumi.yaml names %q, which is neither in %s nor in PATH: build it first, or "+
		"use options.%s",
		optBinary, name, info.GetRootDirectory(), optTarget)
}

func isFile(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return &fs.PathError{Op: "run", Path: path, Err: errors.New("is not a file")}
	}
	return nil
}

// modules lists the modules that the program is linked with, from the build
// information in the executable.
func (h *host) modules(ctx context.Context, info *pulumirpc.ProgramInfo) ([]*debug.Module, error) {
	exe, err := h.executable(ctx, info, true)
	if err != nil {
		return nil, err
	}
	bi, err := buildinfo.ReadFile(exe)
	if err != nil {
		return nil, fmt.Errorf("read which modules %s is linked with: %w", exe, err)
	}
	mods := make([]*debug.Module, 0, len(bi.Deps))
	for _, m := range bi.Deps {
		if m.Replace != nil && m.Replace.Version != "" {
			m = &debug.Module{Path: m.Path, Version: m.Replace.Version}
		}
		mods = append(mods, m)
	}
	return mods, nil
}
