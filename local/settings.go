package local

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"

	"dip/config"
)

// settings is the stack config on top of the checkout's: this machine's properties and the caller's settings.
func (o Options) settings() map[string]any {
	s := map[string]any{
		config.ArtifactsKey: o.artifacts(),
		config.Key:          map[string]any{"architecture": runtime.GOARCH}, // the functions run on this machine
		"aws:maxRetries":    3,                                              // an emulator error surfaces within seconds
	}
	return merge(s, o.Settings)
}

// merge returns base overlaid with top. Objects in both are merged.
func merge(base, top map[string]any) map[string]any {
	merged := map[string]any{}
	maps.Copy(merged, base)
	for key, value := range top {
		below, ok := base[key].(map[string]any)
		above, both := value.(map[string]any)
		if ok && both {
			value = merge(below, above)
		}
		merged[key] = value
	}
	return merged
}

// stackFile is the name of a stack's config file, in the checkout and in the project.
func stackFile(stack string) string { return "Pulumi." + stack + ".yaml" }

// stackConfig is the config of one of the checkout's stacks, overlaid with settings.
func stackConfig(root, stack string, settings map[string]any) (map[string]any, error) {
	doc, err := readYAML(filepath.Join(root, stackFile(stack)))
	if err != nil {
		return nil, err
	}
	c, ok := doc["config"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: no config", stackFile(stack))
	}
	return merge(c, settings), nil
}

// hasCluster reports whether a stack with this config has a cluster. The error lists everything invalid in it.
func hasCluster(root, stack string, c map[string]any) (bool, error) {
	object, err := json.Marshal(c[config.Key])
	if err != nil {
		return false, fmt.Errorf("%s, %s: %w", stackFile(stack), config.Key, err)
	}
	parsed, err := config.Parse(object, config.Options{Files: os.DirFS(root)})
	if err != nil {
		return false, fmt.Errorf("%s, %s:\n%w", stackFile(stack), config.Key, err)
	}
	return parsed.Cluster.Enabled, nil
}

// Environment returns the variables, as NAME=value, that point programs with an AWS SDK at the daemon's emulator, with
// its owner's key.
func (d Daemon) Environment() []string { return append(d.Address(), d.Key.Environment()...) }

// Address is Environment without a key: for programs that have one of their own.
func (d Daemon) Address() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + d.Endpoint,
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}
