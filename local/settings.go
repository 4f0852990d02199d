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

// settings is the stack config beyond the checkout's: what this machine is, and what the caller asked for.
func (o Options) settings() map[string]any {
	s := map[string]any{
		config.ArtifactsKey: o.artifacts(),
		config.Key:          map[string]any{"architecture": runtime.GOARCH}, // the functions run here
		"aws:maxRetries":    3,                                              // an error of the emulator shows in seconds
	}
	return merge(s, o.Settings)
}

// merge is base with the values of top. Where both have an object, it has the members of both.
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

// stackFile is the file of a stack's config, in the checkout and in the project.
func stackFile(stack string) string { return "Pulumi." + stack + ".yaml" }

// stackConfig is the config of a stack of the checkout, with settings on top.
func stackConfig(root, stack string, settings map[string]any) (map[string]any, error) {
	doc, err := readYAML(filepath.Join(root, stackFile(stack)))
	if err != nil {
		return nil, err
	}
	c, ok := doc["config"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: there is no config", stackFile(stack))
	}
	return merge(c, settings), nil
}

// hasCluster says whether a stack with this config has a cluster. The error lists everything that is wrong with it.
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

// Environment is how programs that use an AWS SDK reach the daemon's emulator: NAME=value.
func (d Daemon) Environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + d.Endpoint,
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + accessKey,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// accessKey stands for credentials. The emulator takes any, but the SDKs want some.
const accessKey = "local"
