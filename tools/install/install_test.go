package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func script(t *testing.T, path, text string) string {
	return write(t, path, "#!/bin/sh\n"+text+"\n", 0o755)
}

func TestMachinesOwnPulumi(t *testing.T) {
	for _, c := range []struct {
		version string
		found   bool
	}{
		{"echo v3.220.0", true},
		{"echo v3.99.1", true},
		{"echo v2.25.2", false},
		{"echo 3.0.0-dev.0", false},
		{"exit 1", false},
	} {
		dir := t.TempDir()
		exe := script(t, filepath.Join(dir, "pulumi"), c.version)
		if got := (machine{path: dir, own: "/nowhere/bin"}).pulumi(); (got == exe) != c.found {
			t.Errorf("%q: %q", c.version, got)
		}
	}
}

// A second call has the cache's own tools in PATH: they are not the machine's.
func TestToolsOfTheCacheAreNotTheMachines(t *testing.T) {
	cache := t.TempDir()
	real := script(t, filepath.Join(cache, "tools", "pulumi-1", "pulumi"), "echo v3.220.0")
	other := t.TempDir()
	if err := os.Symlink(real, filepath.Join(other, "pulumi")); err != nil {
		t.Fatal(err)
	}
	m := machine{path: filepath.Join(cache, "bin") + ":" + other, own: filepath.Join(cache, "bin")}
	script(t, filepath.Join(cache, "bin", "pulumi"), "echo v3.220.0")
	if got := m.pulumi(); got != "" {
		t.Errorf("found %q", got)
	}
}

func TestLanguageHostBesideTheCLIOrInPath(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	cli := script(t, filepath.Join(dir, "pulumi"), "")
	m := machine{path: other, own: "/nowhere/bin"}
	if got := m.languageHost(cli); got != "" {
		t.Errorf("none there: %q", got)
	}
	inPath := script(t, filepath.Join(other, languageHost), "")
	if got := m.languageHost(cli); got != inPath {
		t.Errorf("in PATH: %q", got)
	}
	beside := script(t, filepath.Join(dir, languageHost), "")
	if got := m.languageHost(cli); got != beside {
		t.Errorf("beside the CLI: %q", got)
	}
}

func TestMachinesOwnPlugin(t *testing.T) {
	home := t.TempDir()
	m := machine{pulumiHome: home, own: "/nowhere/bin"}
	plugin := func(version string) string {
		return script(t, filepath.Join(home, "plugins", "resource-aws-"+version, awsPlugin), "")
	}
	plugin("v6.83.1") // too old
	plugin("v7.0.0")  // another major version
	if got := m.plugin(); got != "" {
		t.Errorf("none that fits: %q", got)
	}
	plugin("v6.100.0")
	want := plugin("v6.84.0")
	if got := m.plugin(); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), "package main", 0o644)
	write(t, filepath.Join(dir, "go.sum"), "a", 0o644)
	hash := func() string {
		t.Helper()
		h, err := fingerprint(dir)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := hash()
	write(t, filepath.Join(dir, "main_test.go"), "package main", 0o644)
	if hash() != first {
		t.Error("a test is not a source of the tool")
	}
	write(t, filepath.Join(dir, "go.sum"), "b", 0o644)
	second := hash()
	if second == first {
		t.Error("go.sum does not count")
	}
	write(t, filepath.Join(dir, "sub", "x.go"), "", 0o644)
	third := hash()
	if third == second {
		t.Error("a new file does not count")
	}
	other := t.TempDir()
	write(t, filepath.Join(other, "x.go"), "package x", 0o644)
	if h, err := fingerprint(dir, other); err != nil || h == third {
		t.Errorf("another module that it is built from does not count: %v", err)
	}
}

// fakeTool counts its builds.
func fakeTool(builds *int, fail error) tool {
	return tool{name: "t", module: "t", what: "t", files: []string{"t"}, build: func(_ *installer, _, out string) error {
		*builds++
		if fail != nil {
			return fail
		}
		return os.WriteFile(filepath.Join(out, "t"), nil, 0o755)
	}}
}

func TestEnsureBuildsOnceAStateOfTheSources(t *testing.T) {
	var log strings.Builder
	in := &installer{source: t.TempDir(), cache: t.TempDir(), log: &log}
	src := write(t, filepath.Join(in.source, "tools", "t", "main.go"), "1", 0o644)
	if err := os.MkdirAll(filepath.Join(in.cache, "tools"), 0o755); err != nil {
		t.Fatal(err)
	}
	builds := 0
	if _, err := in.ensure(fakeTool(&builds, errors.New("no compiler"))); err == nil ||
		!strings.Contains(err.Error(), "build t: no compiler") {
		t.Errorf("failed build: %v", err)
	}
	ok := fakeTool(&builds, nil)
	first, err := in.ensure(ok)
	if err != nil || builds != 2 {
		t.Fatalf("after a failed build: %v, %d builds", err, builds)
	}
	if again, err := in.ensure(ok); err != nil || again != first || builds != 2 {
		t.Errorf("nothing changed: %q %v, %d builds", again, err, builds)
	}
	write(t, src, "2", 0o644)
	if other, err := in.ensure(ok); err != nil || other == first || builds != 3 {
		t.Errorf("changed sources: %q %v, %d builds", other, err, builds)
	}
	if !strings.Contains(log.String(), "building t ...") {
		t.Errorf("no progress: %q", log.String())
	}
	shared := write(t, filepath.Join(in.source, "tools", "s", "s.go"), "1", 0o644)
	sharing := ok.sharing("s")
	first, err = in.ensure(sharing)
	if err != nil || builds != 4 {
		t.Fatalf("it shares a module: %v, %d builds", err, builds)
	}
	write(t, shared, "2", 0o644)
	if other, err := in.ensure(sharing); err != nil || other == first || builds != 5 {
		t.Errorf("the shared module changed: %q %v, %d builds", other, err, builds)
	}
}

// Two concurrent callers of a tool get one build of it.
func TestEnsureAtOnceBuildsOnce(t *testing.T) {
	source, cache := t.TempDir(), t.TempDir()
	write(t, filepath.Join(source, "tools", "t", "main.go"), "1", 0o644)
	if err := os.MkdirAll(filepath.Join(cache, "tools"), 0o755); err != nil {
		t.Fatal(err)
	}
	builds := 0 // the lock guards it
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			in := &installer{source: source, cache: cache, log: io.Discard}
			if _, err := in.ensure(fakeTool(&builds, nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if builds != 1 {
		t.Errorf("%d builds", builds)
	}
}

func TestLinkReplaces(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "pulumi")
	for _, target := range []string{"/a", "/b", "/b"} {
		if err := link(target, name); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(name); err != nil || got != target {
			t.Errorf("links to %q (%v), want %q", got, err, target)
		}
	}
}

func TestLockLetsOneInAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var wg sync.WaitGroup
	inside, total := 0, 0
	var mu sync.Mutex
	for range 8 {
		wg.Go(func() {
			unlock, err := lock(path, "t", io.Discard)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			mu.Lock()
			inside++
			total++
			if inside > 1 {
				t.Error("two at once")
			}
			mu.Unlock()
			runtime.Gosched() // any other holder shows up now
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	wg.Wait()
	if total != 8 {
		t.Errorf("%d of 8 got in", total)
	}
}

// With all tools on the machine nothing is built.
func TestInstallUsesWhatTheMachineHas(t *testing.T) {
	bin, home, cache := t.TempDir(), t.TempDir(), t.TempDir()
	script(t, filepath.Join(bin, "pulumi"), "echo v3.230.0")
	script(t, filepath.Join(bin, languageHost), "")
	plugin := script(t, filepath.Join(home, "plugins", "resource-aws-v6.90.0", awsPlugin), "")
	own := filepath.Join(cache, "bin")
	in := &installer{source: t.TempDir(), cache: cache, log: io.Discard,
		machine: machine{path: own + ":" + bin, pulumiHome: home, own: own}}
	tc, err := in.install()
	if err != nil {
		t.Fatal(err)
	}
	if got := tc.Env["PATH"]; got != own+":"+bin {
		t.Errorf("PATH %q", got)
	}
	for name, want := range map[string]string{
		tc.Pulumi:                        filepath.Join(bin, "pulumi"),
		filepath.Join(own, languageHost): filepath.Join(bin, languageHost),
		filepath.Join(tc.Env["PULUMI_HOME"], "plugins", "resource-aws-"+awsVersion, awsPlugin): plugin,
	} {
		if got, err := os.Readlink(name); err != nil || got != want {
			t.Errorf("%s links to %q (%v), want %q", name, got, err, want)
		}
	}
}

// A stand-in for npm installs what the lock file pins, and shows where npm was told to keep its own files.
func TestEKSPluginComesFromNpm(t *testing.T) {
	bin, cache, source := t.TempDir(), t.TempDir(), t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		write(t, filepath.Join(source, "tools", "eks", name), "{}", 0o644)
	}
	script(t, filepath.Join(source, "tools", "eks", eksPlugin), "")
	if err := os.MkdirAll(filepath.Join(cache, "tools"), 0o755); err != nil {
		t.Fatal(err)
	}
	in := &installer{source: source, cache: cache, log: io.Discard}
	t.Setenv("PATH", bin)
	if err := in.eks(filepath.Join(cache, "plugins")); err == nil ||
		!strings.Contains(err.Error(), "npm is not installed") {
		t.Errorf("without npm: %v", err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	script(t, filepath.Join(bin, "npm"), `test "$1" = ci && mkdir -p "$npm_config_cache" && : >"$npm_config_cache/log" &&
mkdir -p node_modules/@pulumi/eks/cmd/provider && : >node_modules/@pulumi/eks/cmd/provider/index.js`)
	if err := in.eks(filepath.Join(cache, "plugins")); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(filepath.Join(cache, "plugins", "resource-eks-"+eksVersion, eksPlugin))
	if err != nil || !isExecutable(real) {
		t.Fatalf("plugin %q: %v", real, err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(real), ".npm")); !os.IsNotExist(err) {
		t.Errorf("npm's own files stay: %v", err)
	}
}

// The eks plugin asks for one version: another one of the machine is of no use.
func TestMachinesOwnKubernetesPlugin(t *testing.T) {
	home, cache, source := t.TempDir(), t.TempDir(), t.TempDir()
	in := &installer{source: source, cache: cache, log: io.Discard,
		machine: machine{pulumiHome: home, own: filepath.Join(cache, "bin")}}
	if err := os.MkdirAll(filepath.Join(cache, "tools"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(source, "tools", "pulumi", "kubernetes", "go.mod"), "module broken", 0o644)
	write(t, filepath.Join(source, "tools", pluginModule, "go.mod"), "module broken", 0o644)
	script(t, filepath.Join(home, "plugins", "resource-kubernetes-v4.24.0", kubernetesPlugin), "")
	plugins := filepath.Join(cache, "plugins")
	if err := in.kubernetes(plugins); err == nil || !strings.Contains(err.Error(), "build "+kubernetesPlugin) {
		t.Errorf("only a newer one is there: %v", err)
	}
	want := script(t, filepath.Join(home, "plugins", "resource-kubernetes-"+kubernetesPluginVersion, kubernetesPlugin), "")
	if err := in.kubernetes(plugins); err != nil {
		t.Fatal(err)
	}
	got, err := os.Readlink(filepath.Join(plugins, "resource-kubernetes-"+kubernetesPluginVersion, kubernetesPlugin))
	if err != nil || got != want {
		t.Errorf("links to %q (%v), want %q", got, err, want)
	}
}

func TestCacheDir(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"DIP_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"},
		{map[string]string{"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/dip"},
		{map[string]string{"HOME": "/h"}, "/h/.cache/dip"},
	} {
		got, err := cacheDir(func(k string) string { return c.env[k] })
		if err != nil || got != c.want {
			t.Errorf("%v: %q %v", c.env, got, err)
		}
	}
	if _, err := cacheDir(func(string) string { return "" }); err == nil {
		t.Error("no place at all is not an error")
	}
}

func TestQuote(t *testing.T) {
	if got := quote(`a'b $c`); got != `'a'\''b $c'` {
		t.Errorf("quoted %s", got)
	}
}
