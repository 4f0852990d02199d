package tfprovider

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"dip/tools/pulumi/aws/internal/faketf"
	"dip/tools/pulumi/aws/tfplugin5"
)

func TestMain(m *testing.M) {
	faketf.Main()
	os.Exit(m.Run())
}

func fake(t *testing.T) *Provider {
	t.Helper()
	t.Setenv(faketf.EnvDir, t.TempDir())
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := New(exe, nil)
	t.Cleanup(p.Close)
	return p
}

func TestStartRefusesAnotherProtocol(t *testing.T) {
	p := fake(t)
	t.Setenv("FAKETF_GREETING", "1|6|unix|/nowhere|grpc|")
	err := p.Configure(t.Context(), &tfplugin5.DynamicValue{})
	if err == nil || !strings.Contains(err.Error(), `greets with "1|6|unix`) {
		t.Errorf("error %v", err)
	}
}

func TestStartTellsWhyTheProviderEnded(t *testing.T) {
	script := filepath.Join(t.TempDir(), "provider")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho no such library >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := New(script, nil)
	defer p.Close()
	err := p.Configure(t.Context(), &tfplugin5.DynamicValue{})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such library") {
		t.Errorf("error %v", err)
	}
}

func TestCloseEndsTheProcessAndFurtherUse(t *testing.T) {
	p := fake(t)
	if err := p.Configure(t.Context(), &tfplugin5.DynamicValue{}); err != nil {
		t.Fatal(err)
	}
	in := p.cur
	p.Close()
	<-in.exited
	if err := p.Do(t.Context(), Op{What: "read"}, nil); err == nil {
		t.Error("an operation after Close works")
	}
}

// A repeatable operation gets one more try on a new process, no second one.
func TestDoTriesAgainOnceAfterACrash(t *testing.T) {
	for _, c := range []struct {
		repeatable bool
		crashes    int
		wantErr    bool
		wantCalls  int
	}{
		{repeatable: true, crashes: 1, wantErr: false, wantCalls: 2},
		{repeatable: true, crashes: 9, wantErr: true, wantCalls: 2},
		{repeatable: false, crashes: 1, wantErr: true, wantCalls: 1},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			p := fake(t)
			if err := p.Configure(t.Context(), &tfplugin5.DynamicValue{}); err != nil {
				t.Fatal(err)
			}
			calls := 0
			err := p.Do(t.Context(), Op{What: "poke", Repeatable: c.repeatable}, func(tfplugin5.ProviderClient) error {
				if calls++; calls <= c.crashes {
					p.cur.kill()
					return status.Error(codes.Unavailable, "connection reset")
				}
				return nil
			})
			var crash *CrashError
			if got := errors.As(err, &crash); got != c.wantErr || calls != c.wantCalls {
				t.Errorf("%d calls, error %v", calls, err)
			}
		})
	}
}

func TestARestartedProviderIsConfigured(t *testing.T) {
	p := fake(t)
	if err := p.Configure(t.Context(), &tfplugin5.DynamicValue{}); err != nil {
		t.Fatal(err)
	}
	p.cur.kill()
	err := p.Do(t.Context(), Op{What: "poke"}, func(tfplugin5.ProviderClient) error { return nil })
	if err != nil || !p.Configured() {
		t.Errorf("error %v, configured %v", err, p.Configured())
	}
}

func TestErrorsOfTheServiceAreNoCrash(t *testing.T) {
	p := fake(t)
	want := status.Error(codes.InvalidArgument, "bad")
	if err := p.Do(t.Context(), Op{What: "poke", Repeatable: true},
		func(tfplugin5.ProviderClient) error { return want }); !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
}

func TestCrashReport(t *testing.T) {
	stack := `2026/11/23 some log line
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]

goroutine 4711 [running]:
github.com/hashicorp/terraform-provider-aws/internal/service/eks.resourceClusterUpdate({0x11, 0x2}, 0x3)
	/src/internal/service/eks/cluster.go:612 +0x1c5
github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema.(*Resource).update(0xc0)
	/src/helper/schema/resource.go:1 +0x1
github.com/hashicorp/terraform-provider-aws/internal/provider.(*meta).init.func1(0x1)
	/src/internal/provider/provider.go:9 +0x2
`
	tl := &tail{}
	for i := 0; i < len(stack); i += 37 { // as it comes through a pipe
		if _, err := tl.Write([]byte(stack[i:min(len(stack), i+37)])); err != nil {
			t.Fatal(err)
		}
	}
	want := "panic: runtime error: invalid memory address or nil pointer dereference\n" +
		"  at internal/service/eks.resourceClusterUpdate (cluster.go:612)\n" +
		"  at internal/provider.(*meta).init.func1 (provider.go:9)"
	if got := tl.crash(errors.New("exit status 2")); got != want {
		t.Errorf("report:\n%s\nwant:\n%s", got, want)
	}
}

func TestTailIsBounded(t *testing.T) {
	tl := &tail{}
	for i := range 10 * keepLines {
		if _, err := fmt.Fprintf(tl, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if len(tl.lines) != keepLines || tl.lines[keepLines-1] != fmt.Sprintf("line %d", 10*keepLines-1) {
		t.Errorf("%d lines, last %q", len(tl.lines), tl.lines[len(tl.lines)-1])
	}
}

func TestDiagText(t *testing.T) {
	for _, c := range []struct{ summary, detail, want string }{
		{"creating Queue: denied", "", "creating Queue: denied"},
		{"Invalid value.", "must be positive", "Invalid value: must be positive"},
		{"same", "same", "same"},
		{"creating", "creating: denied", "creating: denied"},
	} {
		if got := DiagText(&tfplugin5.Diagnostic{Summary: c.summary, Detail: c.detail}); got != c.want {
			t.Errorf("%q + %q: %q, want %q", c.summary, c.detail, got, c.want)
		}
	}
	warning := []*tfplugin5.Diagnostic{{Severity: tfplugin5.Diagnostic_WARNING, Summary: "old"}}
	if err := DiagError(warning); err != nil {
		t.Errorf("a warning is not an error: %v", err)
	}
}

func TestLocate(t *testing.T) {
	home := t.TempDir()
	none := func(string) string { return "" }
	put := func(root string, mode os.FileMode) string {
		dir := filepath.Join(root, "registry.terraform.io", "hashicorp", "aws", Version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p := filepath.Join(dir, "terraform-provider-aws_v"+Version+"_x5")
		if err := os.WriteFile(p, nil, mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	locate := func(getenv func(string) string) string {
		t.Helper()
		p, err := Locate(getenv, home)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}

	plugins := put(filepath.Join(home, ".terraform.d", "plugins"), 0o755)
	if got := locate(none); got != plugins {
		t.Errorf("in the home folder: %s", got)
	}
	put(filepath.Join(home, "mirror"), 0o644) // not executable: passed over
	mirror := put(filepath.Join(home, "mirror2"), 0o755)
	rc := filepath.Join(home, ".terraformrc")
	text := `provider_installation {
  filesystem_mirror { path = "$HOME/mirror" }
  filesystem_mirror {
    include = ["registry.terraform.io/*/*"]
    path    = "${HOME}/mirror2"
  }
}`
	if err := os.WriteFile(rc, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := locate(none); got != mirror {
		t.Errorf("in a mirror: %s", got)
	}
	named := put(filepath.Join(home, "named"), 0o755)
	if got := locate(func(k string) string { return map[string]string{EnvPath: named}[k] }); got != named {
		t.Errorf("by the environment: %s", got)
	}
	_, err := Locate(func(k string) string { return map[string]string{EnvPath: filepath.Join(home, "nothing")}[k] }, home)
	if err == nil || !strings.Contains(err.Error(), EnvPath) {
		t.Errorf("a wrong path in the environment: %v", err)
	}
}
