// Package programs finds the programs that the lab consists of, which tools/install builds.
package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Set is what of the programs is wanted.
type Set string

const (
	// Admission is an API server with its store.
	Admission Set = "-admission"
	// Cluster is everything.
	Cluster Set = "-cluster"
)

// Provide builds what the cache lacks, and returns the path of each program by its name; keda-crds is a folder. root is
// the checkout. The first time takes minutes: progress says at what it is.
func Provide(ctx context.Context, root string, set Set, progress io.Writer) (map[string]string, error) {
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "run", ".", string(set), "-json")
	cmd.Dir = filepath.Join(root, "tools", "install")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = &stdout, progress
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("provide the lab's programs: go run ./tools/install %s: %w", set, err)
	}
	var toolchain struct{ Cluster map[string]string }
	if err := json.Unmarshal(stdout.Bytes(), &toolchain); err != nil {
		return nil, fmt.Errorf("read what tools/install says: %w: %s", err, stdout.Bytes())
	}
	return toolchain.Cluster, nil
}
