package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// project writes a Go program that takes its behaviour from its first argument.
func project(t *testing.T, options map[string]any) *pulumirpc.ProgramInfo {
	t.Helper()
	t.Setenv("GOFLAGS", "-mod=mod")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/program\n\ngo 1.26.0\n",
		"main.go": `package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	if err := os.WriteFile("ran", []byte(os.Getenv("PULUMI_STACK")+" "+os.Getenv("PULUMI_CONFIG")+" "+
		os.Getenv("PULUMI_DRY_RUN")+" "+os.Getenv("PULUMI_ENGINE")), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			panic(err)
		}
		os.Exit(n)
	}
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opts, err := structpb.NewStruct(options)
	if err != nil {
		t.Fatal(err)
	}
	return &pulumirpc.ProgramInfo{RootDirectory: dir, ProgramDirectory: dir, EntryPoint: ".", Options: opts}
}

func run(t *testing.T, h *host, info *pulumirpc.ProgramInfo, args ...string) (*pulumirpc.RunResponse, error) {
	t.Helper()
	return h.Run(t.Context(), &pulumirpc.RunRequest{
		Info: info, Pwd: info.RootDirectory, Stack: "dev", DryRun: true, Args: args, Config: map[string]string{"a:b": "c"},
	})
}

func TestRunBuildsToTheTarget(t *testing.T) {
	info := project(t, map[string]any{optTarget: "bin/program"})
	h := newHost("engine:1")
	resp, err := run(t, h, info)
	if err != nil || resp.Error != "" || resp.Bail {
		t.Fatalf("%v %v", resp, err)
	}
	b, err := os.ReadFile(filepath.Join(info.RootDirectory, "ran"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `dev {"a:b":"c"} true engine:1`; got != want {
		t.Errorf("environment %q, want %q", got, want)
	}
	if err := isFile(filepath.Join(info.RootDirectory, "bin", "program")); err != nil {
		t.Error(err)
	}
}

func TestRunTellsHowTheProgramEnded(t *testing.T) {
	info := project(t, nil)
	h := newHost("engine:1")
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(h.temp[0]); !os.IsNotExist(err) {
			t.Errorf("the program is still in %s", h.temp[0])
		}
	})
	if resp, err := run(t, h, info, "32"); err != nil || !resp.Bail || resp.Error != "" {
		t.Errorf("an error that was shown: %v %v", resp, err)
	}
	if resp, err := run(t, h, info, "3"); err != nil || resp.Bail || !strings.Contains(resp.Error, "exit status 3") {
		t.Errorf("another error: %v %v", resp, err)
	}
}

// Sources that changed since the last operation are built; within an operation
// the program stays the same.
func TestTheProgramIsBuiltAtTheStartOfAnOperation(t *testing.T) {
	info := project(t, map[string]any{optTarget: "bin/program"})
	h := newHost("engine:1")
	if _, err := h.GetRequiredPackages(t.Context(), &pulumirpc.GetRequiredPackagesRequest{Info: info}); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(info.RootDirectory, "broken.go")
	if err := os.WriteFile(broken, []byte("package main\n\nvar x int = \"no number\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, h, info); err != nil {
		t.Errorf("the built program does not run: %v", err)
	}
	_, err := h.GetRequiredPackages(t.Context(), &pulumirpc.GetRequiredPackagesRequest{Info: info})
	if err == nil || !strings.Contains(err.Error(), "broken.go:3") {
		t.Errorf("the compiler's message is missing: %v", err)
	}
}

func TestBinary(t *testing.T) {
	info := project(t, map[string]any{optBinary: "out"})
	h := newHost("engine:1")
	if _, err := run(t, h, info); err == nil || !strings.Contains(err.Error(), `names "out", which is neither in`) {
		t.Errorf("no binary: %v", err)
	}
	build := exec.Command("go", "build", "-o", "out", ".")
	build.Dir = info.RootDirectory
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, b)
	}
	if err := os.Remove(filepath.Join(info.RootDirectory, "main.go")); err != nil {
		t.Fatal(err)
	}
	if resp, err := run(t, h, info); err != nil || resp.Error != "" {
		t.Errorf("a prebuilt binary: %v %v", resp, err)
	}
	deps, err := h.GetProgramDependencies(t.Context(), &pulumirpc.GetProgramDependenciesRequest{Info: info})
	if err != nil || len(deps.Dependencies) != 0 {
		t.Errorf("dependencies %v %v", deps, err)
	}
}

func TestPlugin(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"github.com/pulumi/pulumi-aws/sdk/v6", "aws"},
		{"github.com/pulumi/pulumi-kubernetes/sdk/v4", "kubernetes"},
		{"github.com/pulumi/pulumi-random/sdk", "random"},
		{"github.com/pulumi/pulumi/sdk/v3", ""},
		{"github.com/pulumi/pulumi-go-helpers", ""},
		{"github.com/pulumi/pulumi-go-provider/infer", ""},
		{"github.com/other/pulumi-aws/sdk/v6", ""},
	} {
		got := plugin(&debug.Module{Path: c.path, Version: "v6.83.2"})
		if c.want == "" {
			if got != nil {
				t.Errorf("%s: %v", c.path, got)
			}
			continue
		}
		if got == nil || got.Name != c.want || got.Version != "v6.83.2" || got.Kind != "resource" {
			t.Errorf("%s: %v", c.path, got)
		}
	}
}

func TestCancelEndsTheProgram(t *testing.T) {
	info := project(t, nil)
	main := filepath.Join(info.RootDirectory, "main.go")
	if err := os.WriteFile(main, []byte("package main\n\nfunc main() {\n\tfor {\n\t}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost("engine:1")
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := h.executable(t.Context(), info, true); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Cancel(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if resp, err := run(t, h, info); err == nil && resp.Error == "" {
		t.Error("a cancelled program succeeded")
	}
}
