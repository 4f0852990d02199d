package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLockHasOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	var held *heldError
	if _, err := tryLock(path); !errors.As(err, &held) || held.pid != os.Getpid() {
		t.Fatalf("second holder: %v", err)
	}
	if pid, err := lockHolder(t.Context(), path); err != nil || pid != os.Getpid() {
		t.Errorf("holder %d, %v", pid, err)
	}
	told := make(chan int, 1)
	taken := make(chan error, 1)
	go func() {
		l, err := waitLock(t.Context(), path, func(pid int) { told <- pid })
		if err == nil {
			err = l.release()
		}
		taken <- err
	}()
	if pid := <-told; pid != os.Getpid() {
		t.Errorf("waiting for %d", pid)
	}
	if err := first.remove(); err != nil { // the waiting holder recreates the file
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	if pid, err := lockHolder(t.Context(), path); err != nil || pid != 0 {
		t.Errorf("holder %d, %v after all released it", pid, err)
	}
}

func TestLockNoticesThatItsFileIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if !l.intact() {
		t.Error("the file exists")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if l.intact() {
		t.Error("the file is gone")
	}
	other, err := tryLock(path)
	if err != nil {
		t.Fatalf("a new file has no holder: %v", err)
	}
	if err := errors.Join(other.release(), l.release()); err != nil {
		t.Error(err)
	}
}

func TestWaitForALockEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := waitLock(ctx, path, func(int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := l.release(); err != nil {
		t.Error(err)
	}
}

func TestFindRoot(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := FindRoot(deep); err == nil {
		t.Error("found a checkout that does not exist yet")
	}
	for _, name := range []string{"go.mod", "Pulumi.yaml"} {
		write(t, filepath.Join(root, name), "x")
	}
	if got, err := FindRoot(deep); err != nil || got != root {
		t.Errorf("%s, %v", got, err)
	}
	if StateDir("c", root, StackName) == StateDir("c", deep, StackName) {
		t.Error("two checkouts share a state folder")
	}
	if StateDir("c", root, StackName) == StateDir("c", root, "dev") {
		t.Error("two stacks share a state folder")
	}
}

func TestCacheDir(t *testing.T) {
	t.Setenv("HOME", "/h")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("DIP_CACHE", "")
	for _, c := range []struct{ name, value, want string }{
		{"HOME", "/h", "/h/.cache/dip"}, {"XDG_CACHE_HOME", "/x", "/x/dip"}, {"DIP_CACHE", "/d", "/d"},
	} {
		t.Setenv(c.name, c.value)
		if got, err := CacheDir(); err != nil || got != filepath.FromSlash(c.want) {
			t.Errorf("with %s: %s, %v", c.name, got, err)
		}
	}
}

func TestUnfinishedStateIsNoticed(t *testing.T) {
	for text, want := range map[string]bool{
		"": false,
		`{"checkpoint":{"latest":{"resources":[]}}}`:                             false,
		`{"checkpoint":{"latest":{"pending_operations":[{"type":"creating"}]}}}`: true,
		`{"checkpoint":{"lat`: true,
	} {
		p := place(t.TempDir())
		dir := filepath.Join(p.backend(), ".pulumi", "stacks", "dip")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			write(t, filepath.Join(dir, StackName+".json"), text)
		}
		if got, err := p.unfinished(); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestStateOfAnotherVersionBelongsToNoInstance(t *testing.T) {
	p := place(t.TempDir())
	if k, err := p.known(); err != nil || k.Instance != "" {
		t.Errorf("nothing is written yet: %+v, %v", k, err)
	}
	write(t, p.stack(), `{"instance": ["old"]}`)
	if k, err := p.known(); err == nil || k.Instance == "" {
		t.Errorf("%+v, %v", k, err)
	}
}

func TestPrepareWritesTheProjectBesideTheCheckout(t *testing.T) {
	root, p := t.TempDir(), place(t.TempDir())
	if err := p.make(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "Pulumi.yaml"), "name: dip\nruntime: go\n")
	write(t, filepath.Join(root, "Pulumi.local.yaml"),
		"encryptionsalt: theirs\nconfig:\n  aws:region: us-east-1\n  dip:stack: {environment: local}\n")
	e := &engine{place: p, root: root, stack: StackName, program: "/bin/program"}
	stackFile := filepath.Join(p.project(), "Pulumi.local.yaml")
	if err := e.prepare(map[string]any{"dip:artifacts": "/a"}); err != nil {
		t.Fatal(err)
	}
	project, err := readYAML(filepath.Join(p.project(), "Pulumi.yaml"))
	if err != nil || project["main"] != root || project["name"] != "dip" {
		t.Errorf("project %v, %v", project, err)
	}
	stack, err := readYAML(stackFile)
	config, _ := stack["config"].(map[string]any)
	if err != nil || config["dip:artifacts"] != "/a" || config["aws:region"] != "us-east-1" ||
		stack["encryptionsalt"] != nil {
		t.Errorf("stack %v, %v", stack, err)
	}
	stack["encryptionsalt"] = "ours" // as the engine writes it
	if err := writeYAML(stackFile, stack); err != nil {
		t.Fatal(err)
	}
	if err := e.prepare(nil); err != nil {
		t.Fatal(err)
	}
	e.stack = "dev"
	if err := e.prepare(nil); err == nil || !strings.Contains(err.Error(), "Pulumi.dev.yaml") {
		t.Errorf("there is no stack dev: %v", err)
	}
	if stack, err = readYAML(stackFile); err != nil || stack["encryptionsalt"] != "ours" {
		t.Errorf("the salt of the state is lost: %v, %v", stack, err)
	}
}

func TestStopWithoutADaemon(t *testing.T) {
	p := place(t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := stopDaemon(ctx, p); err != nil {
		t.Error(err)
	}
	write(t, p.daemon(), `{"pid": 1, "endpoint": "http://127.0.0.1:1"}`)
	write(t, p.daemonLock(), "1") // left by a daemon that died: not held
	if _, alive, err := findDaemon(ctx, p); alive || err != nil {
		t.Errorf("alive %v, %v", alive, err)
	}
	if err := stopDaemon(ctx, p); err != nil { // must not touch process 1
		t.Error(err)
	}
	if _, err := Open(ctx, Options{Root: "..", StateDir: string(p)}); !errors.Is(err, ErrNotUp) {
		t.Errorf("Open: %v", err)
	}
}

func TestAWSSettingsDoNotLeakIn(t *testing.T) {
	got := withoutAWS([]string{"PATH=/bin", "AWS_PROFILE=prod", "AWS_ENDPOINT_URL=x", "MY_AWS_X=1"})
	if strings.Join(got, " ") != "PATH=/bin MY_AWS_X=1" {
		t.Errorf("%v", got)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The state folder holds the key of the emulator: nobody else may look into it.
func TestStateIsItsOwnersAlone(t *testing.T) {
	p := place(filepath.Join(t.TempDir(), "state"))
	if err := os.Mkdir(string(p), 0o755); err != nil { // of an earlier version
		t.Fatal(err)
	}
	if err := p.make(); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(p.daemon(), Daemon{}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{string(p): 0o700, p.daemon(): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}
