// Package npm installs pinned npm packages into a folder of the cache.
package npm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrMissing reports that there is no npm; the text says what to install.
var ErrMissing = errors.New("npm is not installed: install Node.js 20 or later")

// Install fills dir with files, of which package.json and package-lock.json say what else, completely or not at all.
func Install(ctx context.Context, dir string, files fs.FS) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return ErrMissing
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), ".install-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, files); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = work
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// npm's own cache and logs would go to the user's home, where nothing of the project belongs.
	scratch := work + ".npm"
	defer os.RemoveAll(scratch)
	cmd.Env = append(os.Environ(), "npm_config_cache="+scratch, "npm_config_update_notifier=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(work, dir)
}
