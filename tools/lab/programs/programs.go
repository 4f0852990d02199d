// Package programs finds the programs that the lab consists of, which tools/install builds.
package programs

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"dip/internal/build"
)

// Set selects programs.
type Set string

const (
	// Admission is an API server with its store.
	Admission Set = "-admission"
	// Cluster is everything.
	Cluster Set = "-cluster"
)

// Provide builds what the cache lacks, and returns the path of each program by its name; keda-crds is a folder. root is
// the checkout. The first time takes minutes: say receives its progress.
func Provide(ctx context.Context, root string, set Set, say func(string, ...any)) (map[string]string, error) {
	out, err := build.Go(ctx, filepath.Join(root, "tools", "install"), say, "run", ".", string(set), "-json")
	if err != nil {
		return nil, fmt.Errorf("provide the lab's programs: %w", err)
	}
	var toolchain struct{ Cluster map[string]string }
	if err := json.Unmarshal(out, &toolchain); err != nil {
		return nil, fmt.Errorf("read the output of tools/install: %w: %s", err, out)
	}
	return toolchain.Cluster, nil
}
