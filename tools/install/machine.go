package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// machine finds what is installed outside the project's cache.
type machine struct {
	path       string // PATH
	pulumiHome string // folder of the machine's own Pulumi
	own        string // the cache's bin folder: tools in it are not the machine's
}

// pulumi returns a Pulumi CLI of major version 3 in PATH, and empty when there
// is none.
func (m machine) pulumi() string {
	p := m.look("pulumi")
	if p == "" {
		return ""
	}
	cmd := exec.Command(p, "version")
	cmd.Env = append(os.Environ(), "PULUMI_SKIP_UPDATE_CHECK=true")
	out, err := cmd.Output()
	if err != nil {
		return "" // a broken one counts as missing
	}
	if v, ok := parseVersion(strings.TrimSpace(string(out))); !ok || v[0] != 3 {
		return ""
	}
	return p
}

// languageHost returns the Go language host that belongs to a CLI: beside it, or
// in PATH.
func (m machine) languageHost(cli string) string {
	beside := filepath.Join(filepath.Dir(cli), languageHost)
	if isExecutable(beside) {
		return beside
	}
	return m.look(languageHost)
}

// plugin returns the oldest aws plugin of the same major version that is at
// least as new as the Go SDK, and empty when there is none.
func (m machine) plugin() string {
	dirs, err := filepath.Glob(filepath.Join(m.pulumiHome, "plugins", "resource-aws-v*"))
	if err != nil {
		return ""
	}
	least, _ := parseVersion(awsVersion)
	best, found := version{}, ""
	for _, dir := range dirs {
		v, ok := parseVersion(strings.TrimPrefix(filepath.Base(dir), "resource-aws-"))
		exe := filepath.Join(dir, awsPlugin)
		if !ok || v[0] != least[0] || v.less(least) || !isExecutable(exe) || m.inCache(exe) {
			continue
		}
		if found == "" || v.less(best) {
			best, found = v, exe
		}
	}
	return found
}

// exactPlugin returns the plugin of a package in exactly this version, and empty when there is none.
func (m machine) exactPlugin(pkg, version string) string {
	exe := filepath.Join(m.pulumiHome, "plugins", "resource-"+pkg+"-"+version, "pulumi-resource-"+pkg)
	if !isExecutable(exe) || m.inCache(exe) {
		return ""
	}
	return exe
}

// inCache reports whether the file is one that this command put there.
func (m machine) inCache(exe string) bool {
	real, err := filepath.EvalSymlinks(exe)
	if err != nil {
		return false
	}
	cache, err := filepath.EvalSymlinks(filepath.Dir(m.own))
	return err == nil && strings.HasPrefix(real, cache+string(filepath.Separator))
}

func (m machine) look(name string) string {
	for _, dir := range filepath.SplitList(m.path) {
		if p := filepath.Join(dir, name); filepath.IsAbs(p) && dir != m.own && isExecutable(p) && !m.inCache(p) {
			return p
		}
	}
	return ""
}

func isExecutable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0
}

type version [3]int

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

func (v version) String() string { return fmt.Sprintf("v%d.%d.%d", v[0], v[1], v[2]) }

// parseVersion reads v1.2.3; a pre-release does not count.
func parseVersion(s string) (v version, ok bool) {
	parts := strings.Split(strings.TrimPrefix(s, "v"), ".")
	if len(parts) != len(v) {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return v, false
		}
		v[i] = n
	}
	return v, true
}
