package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	eksVersion = "v2.8.1" // of the eks plugin, of its npm package, and of the Go SDK in go.mod
	eksPlugin  = "pulumi-resource-eks"
)

// eks is the plugin of Pulumi's own eks component, which is written for Node.js.
var eks = tool{
	name: eksPlugin, module: "eks", files: []string{eksPlugin, "node_modules/@pulumi/eks/cmd/provider/index.js"},
	what: "the eks plugin (npm)", version: eksVersion,
	build: func(in *installer, module, out string) error {
		npm, err := exec.LookPath("npm")
		if err != nil {
			return errors.New("npm is not installed: a stack with a cluster needs Node.js 20 or later")
		}
		for _, name := range []string{"package.json", "package-lock.json", eksPlugin} {
			if err := copyFile(filepath.Join(module, name), filepath.Join(out, name)); err != nil {
				return err
			}
		}
		cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
		cmd.Dir = out
		cmd.Stdout, cmd.Stderr = in.log, in.log
		// npm's own cache and logs would land in the user's home, where nothing of the project belongs.
		scratch := filepath.Join(out, ".npm")
		cmd.Env = append(os.Environ(), "npm_config_cache="+scratch, "npm_config_update_notifier=false")
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("npm ci in %s: %w", module, err)
		}
		return os.RemoveAll(scratch)
	},
}

// copyFile copies a small file with its mode.
func copyFile(from, to string) error {
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, st.Mode().Perm())
}

// eks puts the eks plugin into the plugins' folder.
func (in *installer) eks(plugins string) error {
	dir, err := in.ensure(eks)
	if err != nil {
		return err
	}
	home := filepath.Join(plugins, "resource-eks-"+eksVersion)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	return link(filepath.Join(dir, eksPlugin), filepath.Join(home, eksPlugin))
}
