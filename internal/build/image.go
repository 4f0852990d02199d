package build

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dip/contract"
)

// Restage is the program of the restage jobs, a folder of cmd. It is in the image alone.
const Restage = "restage"

// Image is the folder below out that has the image's programs.
func Image(out string) string { return filepath.Join(out, "image", "app") }

// inImage says whether a program goes into the image: segments do, since their functions are workers too.
func inImage(name string) bool {
	return !slices.Contains(contract.SystemFunctions, name) && !slices.Contains(contract.StreamFunctions, name) &&
		name != contract.RolloutFunction && name != contract.Maintenance
}

// intoImage puts a built program where `docker build` takes it from. A file of the same content stays untouched.
func (o Options) intoImage(name string) (string, error) {
	binary, err := os.ReadFile(filepath.Join(o.Out, "bin", name))
	if err != nil {
		return "", fmt.Errorf("read the binary: %w", err)
	}
	path := filepath.Join(Image(o.Out), name)
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, binary) {
		return "unchanged", nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the image's program: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("make the image's folder: %w", err)
	}
	partial := filepath.Join(o.Out, "image", "."+name+".part") // not in app, where a cut-off one would go into the image
	if err := os.WriteFile(partial, binary, 0o755); err != nil {
		return "", fmt.Errorf("write the image's program: %w", err)
	}
	return "built", os.Rename(partial, path)
}
