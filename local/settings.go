package local

import (
	"maps"

	"dip/config"
)

// settings is the stack config beyond the checkout's.
func settings(artifacts string, extra map[string]any) map[string]any {
	s := map[string]any{config.ArtifactsKey: artifacts}
	maps.Copy(s, extra)
	return s
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
