package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	// of the kubernetes plugin, of the Go SDK in go.mod, and of what the eks plugin asks for
	kubernetesPluginVersion = "v4.23.0"
	kubernetesPlugin        = "pulumi-resource-kubernetes"
)

var kubernetesTool = program(kubernetesPlugin, "pulumi/kubernetes", ".", "the kubernetes plugin",
	kubernetesPluginVersion,
	stripped).sharing(pluginModule)

// kubernetes puts the kubernetes plugin into the plugins' folder: the machine's own of exactly this version, for the
// eks plugin takes no other, else ours.
func (in *installer) kubernetes(plugins string) error {
	home := filepath.Join(plugins, "resource-kubernetes-"+kubernetesPluginVersion)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	exe := in.machine.exactPlugin("kubernetes", kubernetesPluginVersion)
	if exe == "" {
		dir, err := in.ensure(kubernetesTool)
		if err != nil {
			return err
		}
		exe = filepath.Join(dir, kubernetesPlugin)
	}
	return link(exe, filepath.Join(home, kubernetesPlugin))
}
