package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type installer struct {
	source    string // the repository
	cache     string
	cluster   bool // also what stacks with a cluster need
	admission bool // also an API server to check objects against
	log       io.Writer
	every     time.Duration // between progress lines
	machine   machine
}

// install puts the toolchain together:
//
//	CACHE/tools/NAME-HASH/    what was built, one folder a state of the sources
//	CACHE/bin/                links to the CLI and the language host
//	CACHE/pulumi-home/        PULUMI_HOME, with links to the plugins
//
// Callers that run at once build each tool once: one builds, the others wait for that tool alone.
func (in *installer) install() (*Toolchain, error) {
	bin := filepath.Join(in.cache, "bin")
	plugins := filepath.Join(in.cache, "pulumi-home", "plugins")
	awsHome := filepath.Join(plugins, "resource-aws-"+awsVersion)
	for _, dir := range []string{bin, awsHome, filepath.Join(in.cache, "tools")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the cache: %w", err)
		}
	}
	if err := in.pulumi(bin); err != nil {
		return nil, err
	}
	if err := in.aws(awsHome); err != nil {
		return nil, err
	}
	if in.cluster {
		if err := errors.Join(in.eks(plugins), in.kubernetes(plugins)); err != nil {
			return nil, err
		}
	}
	var programs []tool
	if in.cluster || in.admission {
		programs = append(programs, admission...)
	}
	if in.cluster {
		programs = append(programs, controllers...)
	}
	found, err := in.provide(programs)
	if err != nil {
		return nil, err
	}
	return &Toolchain{
		Cluster: found,
		Pulumi:  filepath.Join(bin, "pulumi"),
		Env: map[string]string{
			"PATH":        bin + string(filepath.ListSeparator) + withoutDir(in.machine.path, bin),
			"PULUMI_HOME": filepath.Join(in.cache, "pulumi-home"),
			// The toolchain is pinned: the notice of a newer release is noise.
			"PULUMI_SKIP_UPDATE_CHECK": "true",
		},
	}, nil
}

// withoutDir removes a folder from PATH, so that repeated calls do not grow it.
func withoutDir(path, dir string) string {
	var keep []string
	for _, d := range filepath.SplitList(path) {
		if d != dir {
			keep = append(keep, d)
		}
	}
	return strings.Join(keep, string(filepath.ListSeparator))
}

func (in *installer) pulumi(bin string) error {
	exe := in.machine.pulumi()
	if exe == "" {
		dir, err := in.ensure(cli)
		if err != nil {
			return err
		}
		exe = filepath.Join(dir, "pulumi")
	}
	host := in.machine.languageHost(exe)
	if host == "" {
		dir, err := in.ensure(language)
		if err != nil {
			return err
		}
		host = filepath.Join(dir, languageHost)
	}
	return errors.Join(
		link(exe, filepath.Join(bin, "pulumi")),
		link(host, filepath.Join(bin, languageHost)))
}

func (in *installer) aws(plugins string) error {
	if exe := in.machine.plugin(); exe != "" {
		return link(exe, filepath.Join(plugins, awsPlugin))
	}
	dir, err := in.ensure(aws)
	if err != nil {
		return err
	}
	// The plugin follows the link to its own folder, where its catalog is.
	return link(filepath.Join(dir, awsPlugin), filepath.Join(plugins, awsPlugin))
}

// link makes name a symbolic link to target, in one step: a process that starts
// the tool meanwhile finds the old one or the new one.
func link(target, name string) error {
	if old, err := os.Readlink(name); err == nil && old == target {
		return nil
	}
	tmp := fmt.Sprintf("%s.%d.new", name, os.Getpid()) // others may link at this moment
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if err := os.Symlink(target, tmp); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if err := os.Rename(tmp, name); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}

// lock takes the lock of a tool, which the system frees when the process ends.
func lock(path, name string, log io.Writer) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		fmt.Fprintf(log, "another process is building %s; waiting for it ...\n", name)
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing frees the lock; there is nothing to write
}
