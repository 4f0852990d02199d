package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// CacheDir is the folder for everything that can be rebuilt: $DIP_CACHE, or dip in the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("DIP_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "dip"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the cache: set DIP_CACHE: %w", err)
	}
	return filepath.Join(home, ".cache", "dip"), nil
}

// FindRoot returns the checkout that contains a folder.
func FindRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if isFile(filepath.Join(at, "Pulumi.yaml")) && isFile(filepath.Join(at, "go.mod")) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not in a checkout of this project: no parent folder has Pulumi.yaml and go.mod", dir)
		}
	}
}

// StateDir is where a stack of a checkout keeps its state. Two checkouts never share one, nor do two stacks.
func StateDir(cache, root, stack string) string {
	sum := sha256.Sum256([]byte(root))
	name := hex.EncodeToString(sum[:6])
	if stack != StackName {
		name += "-" + stack
	}
	return filepath.Join(cache, "local", name)
}

// place is the layout of a state folder.
type place string

func (p place) lock() string           { return string(p) + ".lock" } // next to the folder, so that it outlives it
func (p place) daemonLock() string     { return filepath.Join(string(p), "daemon.lock") }
func (p place) daemon() string         { return filepath.Join(string(p), "daemon.json") }
func (p place) gateway() string        { return filepath.Join(string(p), "gateway.json") } // asked for
func (p place) gatewayRunning() string { return filepath.Join(string(p), "gateway-running.json") }
func (p place) stack() string          { return filepath.Join(string(p), "stack.json") }
func (p place) logs() string           { return filepath.Join(string(p), "logs") }
func (p place) functions() string      { return filepath.Join(p.logs(), "functions") }
func (p place) functionsCode() string  { return filepath.Join(string(p), "functions") }
func (p place) samples() string        { return filepath.Join(string(p), "samples") }
func (p place) project() string        { return filepath.Join(string(p), "project") }
func (p place) backend() string        { return filepath.Join(string(p), "backend") }
func (p place) log(name string) string { return filepath.Join(p.logs(), name+".log") }

// make creates the folder, for its owner alone: it holds keys.
func (p place) make() error {
	if err := os.MkdirAll(string(p), 0o700); err != nil {
		return fmt.Errorf("create the state folder: %w", err)
	}
	if err := os.Chmod(string(p), 0o700); err != nil { // one of an earlier version
		return fmt.Errorf("create the state folder: %w", err)
	}
	for _, dir := range []string{p.logs(), p.functions(), p.functionsCode(), p.samples(), p.project(), p.backend()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create the state folder: %w", err)
		}
	}
	return nil
}

// writeJSON replaces a file atomically: a reader sees the old content or the new. Only its owner can read it.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// readJSON returns false if the file does not exist.
func readJSON(path string, v any) (bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	return true, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
