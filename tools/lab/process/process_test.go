package process_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dip/tools/lab/process"
)

func shell(t *testing.T, name, script string) process.Command {
	return process.Command{Name: name, Path: "/bin/sh", Args: []string{"-c", script},
		Log: filepath.Join(t.TempDir(), name+".log")}
}

// A minute is far more than any of these takes: only a process that hangs reaches it.
const forever = time.Minute

func TestErrHasTheEndOfTheLog(t *testing.T) {
	p, err := process.Start(shell(t, "store", "echo the disk is full >&2; exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.Err(); err == nil ||
		!strings.Contains(err.Error(), "store ended (exit status 3): the disk is full\n(the whole log: ") {
		t.Errorf("it says %v", err)
	}
	if err := p.Stop(forever); err != nil {
		t.Errorf("what is gone cannot be stopped: %v", err)
	}
}

func TestNothingButPathAndHomeIsInherited(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "https://elsewhere")
	c := shell(t, "env", `echo "${AWS_ENDPOINT_URL:-none} $OWN"`)
	c.Env = []string{"OWN=1"}
	p, err := process.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if text, err := os.ReadFile(c.Log); err != nil || string(text) != "none 1\n" {
		t.Errorf("it sees %q (%v)", text, err)
	}
}

// waitFor reads a file that a process writes when it has come so far.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(forever); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
			return
		}
	}
	t.Fatalf("%s stays empty", path)
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	c := shell(t, "deaf", `trap '' TERM; echo up; while :; do sleep 1; done`)
	p, err := process.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, c.Log)
	if err := p.Stop(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("it ended with: %v", err)
	}
}

func TestGroupStopsTheNewestFirst(t *testing.T) {
	order := filepath.Join(t.TempDir(), "order")
	g := process.NewGroup()
	for _, name := range []string{"a", "b", "c"} {
		c := shell(t, name, `trap 'echo `+name+` >>`+order+`; exit 0' TERM; echo up; while :; do sleep 0.01; done`)
		if err := g.Start(c); err != nil {
			t.Fatal(err)
		}
		waitFor(t, c.Log)
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(order); err != nil || string(text) != "c\nb\na\n" {
		t.Errorf("they ended in order %q (%v)", text, err)
	}
	select {
	case <-g.Failed():
		t.Errorf("a group that is stopped fails: %v", g.Err())
	default:
	}
}

func TestGroupTellsWhoEnded(t *testing.T) {
	g := process.NewGroup()
	if err := g.Start(shell(t, "stays", "exec sleep 60")); err != nil {
		t.Fatal(err)
	}
	if err := g.Start(shell(t, "goes", "exit 1")); err != nil {
		t.Fatal(err)
	}
	<-g.Failed()
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "goes ended (exit status 1)") {
		t.Errorf("it says %v", err)
	}
	if err := g.Stop(); err != nil {
		t.Error(err)
	}
}
