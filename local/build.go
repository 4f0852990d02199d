package local

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"dip/internal/build"
)

// Toolchain is the Pulumi CLI with its plugins, as tools/install tells of it.
type Toolchain struct {
	Pulumi string            `json:"pulumi"` // path of the CLI
	Env    map[string]string `json:"env"`    // for each call of it
}

// toolchain finds or builds the Pulumi CLI and its plugins, with those of stacks that have a cluster on demand.
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
		return t, fmt.Errorf("read what tools/install says: %w: %s", err, out)
	}
	return t, nil
}
