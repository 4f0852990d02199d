package sandbox_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dip/tools/lab/kubelet/sandbox"
)

// run runs a shell script to its end and returns what it printed.
func run(t *testing.T, script string, mounts ...sandbox.Mount) (string, sandbox.Exit) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p, err := sandbox.Start(sandbox.Command{
		Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")}, Mounts: mounts,
		Root: t.TempDir(), Output: out,
	})
	if err != nil {
		t.Fatal(err)
	}
	exit, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), exit
}

// folder returns a folder that has one file.
func folder(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMountsAreSeenByTheCommandAlone(t *testing.T) {
	for name, target := range map[string]string{
		"over a folder of the host":       "/tmp",
		"a new folder in one of the host": "/etc/dip-test/deep",
		"behind a symbolic link":          "/var/run/secrets/dip-test",
		"a new folder in the root":        "/dip-test",
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := os.ReadDir(filepath.Dir(target))
			got, exit := run(t, "cat "+target+"/f && echo more >"+target+"/g && test -e /etc/passwd -a -d /proc/self",
				sandbox.Mount{Source: folder(t, "f", "content"), Target: target})
			if exit != (sandbox.Exit{}) || got != "content" {
				t.Errorf("exit %+v: %s", exit, got)
			}
			if after, _ := os.ReadDir(filepath.Dir(target)); target != "/tmp" && len(after) != len(before) {
				t.Errorf("the host's %s has changed", filepath.Dir(target))
			}
			if _, err := os.Stat(filepath.Join(target, "f")); err == nil {
				t.Errorf("the host sees %s/f", target)
			}
		})
	}
}

func TestMountsInOrder(t *testing.T) {
	inner := folder(t, "f", "inner")
	got, exit := run(t, "cat /dip-test/f /dip-test/sub/f /etc/dip-test.conf",
		sandbox.Mount{Source: folder(t, "f", "outer,"), Target: "/dip-test"},
		sandbox.Mount{Source: inner, Target: "/dip-test/sub"},
		sandbox.Mount{Source: filepath.Join(inner, "f"), Target: "/etc/dip-test.conf"}) // one file
	if exit != (sandbox.Exit{}) || got != "outer,innerinner" {
		t.Errorf("exit %+v: %s", exit, got)
	}
}

func TestReadOnly(t *testing.T) {
	dir := folder(t, "f", "")
	got, exit := run(t, "touch /dip-test/g", sandbox.Mount{Source: dir, Target: "/dip-test", ReadOnly: true})
	if exit.Code == 0 || !strings.Contains(got, "Read-only") {
		t.Errorf("exit %+v: %s", exit, got)
	}
	if _, err := os.Stat(filepath.Join(dir, "g")); err == nil {
		t.Error("it was written")
	}
}

func TestAHiddenProgramRuns(t *testing.T) {
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, shell, 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := sandbox.Start(sandbox.Command{
		Path: program, Args: []string{"program", "-c", "test -e /tmp/f && test ! -e " + program}, Root: t.TempDir(),
		Mounts: []sandbox.Mount{{Source: folder(t, "f", ""), Target: "/tmp"},
			{Source: t.TempDir(), Target: filepath.Dir(program)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if exit, err := p.Wait(); err != nil || exit.Code != 0 {
		t.Errorf("exit %+v, %v", exit, err)
	}
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("DIP_TEST", "1")
	got, _ := run(t, "env; ls /proc/$$/fd; pwd")
	if strings.Contains(got, "DIP_TEST") || !strings.HasSuffix(got, "0\n1\n2\n/\n") {
		t.Errorf("the command sees %s", got)
	}
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	for want, c := range map[string]sandbox.Command{
		"start /none: open /none":     {Path: "/none"},
		"mount /dip-test: open /none": {Path: "/bin/sh", Mounts: []sandbox.Mount{{Source: "/none", Target: "/dip-test"}}},
		"enter the working folder":    {Path: "/bin/sh", Dir: "/none"},
		"execute: permission denied":  {Path: "/etc/passwd"},
	} {
		p, err := sandbox.Start(c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("started %v, %v; want %s", p, err, want)
		}
	}
}

// TestOwner is not a test: it is a program that has a command and is killed.
func TestOwner(t *testing.T) {
	if os.Getenv("DIP_SANDBOX_OWNER") == "" {
		t.Skip("only TestACommandDoesNotOutliveItsOwner runs it")
	}
	p, err := sandbox.Start(sandbox.Command{Path: "/bin/sleep", Args: []string{"sleep", "1000"}, Output: os.Stdout})
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	_, _ = p.Wait()
}

func TestACommandDoesNotOutliveItsOwner(t *testing.T) {
	owner := exec.Command(os.Args[0], "-test.run=^TestOwner$")
	owner.Env = append(os.Environ(), "DIP_SANDBOX_OWNER=1")
	out, err := owner.Output() // until neither the owner nor its command has the other end
	if status, ok := owner.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("the owner ended with %v: %s", err, out)
	}
}

func TestTheWholeGroupEnds(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	for name, c := range map[string]struct {
		script string
		signal syscall.Signal
		want   sandbox.Exit
	}{
		"by a signal": {"trap '' TERM; echo; while :; do sleep 100; done", syscall.SIGKILL,
			sandbox.Exit{Code: 137, Signal: syscall.SIGKILL}},
		"politely":  {"trap 'exit 3' TERM; echo; while :; do sleep 0.01; done", syscall.SIGTERM, sandbox.Exit{Code: 3}},
		"by itself": {"trap '' TERM; sleep 100 & echo; exit 4", 0, sandbox.Exit{Code: 4}},
	} {
		p, err := sandbox.Start(sandbox.Command{Path: "/bin/sh", Args: []string{"sh", "-c", c.script},
			Env: []string{"PATH=" + os.Getenv("PATH")}, Output: write})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(read).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if c.signal != 0 {
			if err := p.Signal(c.signal); err != nil {
				t.Error(err)
			}
		}
		if exit, err := p.Wait(); err != nil || exit != c.want {
			t.Errorf("%s: exit %+v, %v", name, exit, err)
		}
		if err := syscall.Kill(-p.Pid(), 0); err == nil {
			// A killed child is gone once its new parent has looked after it.
			t.Logf("%s: the group still has a zombie", name)
		}
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Errorf("%s: a signal after its end: %v", name, err)
		}
	}
	write.Close()
	// A shell may still have said that its child was terminated; the end comes when no process has the other end.
	if err := read.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, read); err != nil {
		t.Errorf("somebody still writes: %v", err)
	}
}
