package local

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"dip/internal/build"
)

// Toolchain is the Pulumi CLI with its plugins, as tools/install reports them.
type Toolchain struct {
	Pulumi string            `json:"pulumi"` // path of the CLI
	Env    map[string]string `json:"env"`    // for every call of the CLI
}

// toolchain finds or builds the Pulumi CLI and its plugins, on demand with those that only a cluster needs.
func toolchain(ctx context.Context, root string, cluster bool, say func(string, ...any)) (Toolchain, error) {
	var t Toolchain
	args := []string{"run", ".", "--json"}
	if cluster {
		args = append(args, "--cluster")
	}
	out, err := build.Go(ctx, filepath.Join(root, "tools", "install"), say, args...)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(out, &t); err != nil {
		return t, fmt.Errorf("parse the output of tools/install: %w: %s", err, out)
	}
	return t, nil
}
