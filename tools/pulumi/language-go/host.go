package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// exitReported is the status with which a Pulumi program ends whose error the
// engine has already shown.
const exitReported = 32

// host implements pulumirpc.LanguageRuntimeServer.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine string // address
	stop   context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	built map[string]string // program directory and entry point, to the executable
	temp  []string          // folders to remove at the end
}

func newHost(engine string) *host {
	stop, cancel := context.WithCancel(context.Background())
	return &host{engine: engine, stop: stop, cancel: cancel, built: map[string]string{}}
}

// close removes the executables that no option gave a place.
func (h *host) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, dir := range h.temp {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// Run runs the program to its end. The program reports its own errors to the
// engine; an error of the answer is one that it could not report.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.stop, cancel)()

	exe, err := h.executable(ctx, req.GetInfo(), false)
	if err != nil {
		return nil, err
	}
	env, err := h.environment(req)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, req.GetArgs()...)
	cmd.Dir = req.GetPwd()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == exitReported:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with %v", exit)}, nil
	}
	return nil, fmt.Errorf("run the program: %w", err)
}

// environment is how the engine and the program find each other.
func (h *host) environment(req *pulumirpc.RunRequest) ([]string, error) {
	config, err := json.Marshal(req.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("pass on the stack's configuration: %w", err)
	}
	secrets, err := json.Marshal(req.GetConfigSecretKeys())
	if err != nil {
		return nil, fmt.Errorf("pass on the stack's configuration: %w", err)
	}
	return []string{
		"PULUMI_ORGANIZATION=" + req.GetOrganization(),
		"PULUMI_PROJECT=" + req.GetProject(),
		"PULUMI_ROOT_DIRECTORY=" + req.GetInfo().GetRootDirectory(),
		"PULUMI_STACK=" + req.GetStack(),
		"PULUMI_CONFIG=" + string(config),
		"PULUMI_CONFIG_SECRET_KEYS=" + string(secrets),
		"PULUMI_DRY_RUN=" + strconv.FormatBool(req.GetDryRun()),
		"PULUMI_PARALLEL=" + strconv.Itoa(int(req.GetParallel())),
		"PULUMI_MONITOR=" + req.GetMonitorAddress(),
		"PULUMI_ENGINE=" + h.engine,
	}, nil
}

// GetRequiredPlugins names the plugins of the SDKs that the program is linked with.
func (h *host) GetRequiredPlugins(
	ctx context.Context, req *pulumirpc.GetRequiredPluginsRequest) (*pulumirpc.GetRequiredPluginsResponse, error,
) {
	mods, err := h.modules(ctx, req.GetInfo())
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetRequiredPluginsResponse{}
	for _, m := range mods {
		if p := plugin(m); p != nil {
			resp.Plugins = append(resp.Plugins, &pulumirpc.PluginDependency{Kind: p.Kind, Name: p.Name, Version: p.Version})
		}
	}
	return resp, nil
}

// GetRequiredPackages is GetRequiredPlugins for newer engines.
func (h *host) GetRequiredPackages(
	ctx context.Context, req *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error,
) {
	mods, err := h.modules(ctx, req.GetInfo())
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetRequiredPackagesResponse{}
	for _, m := range mods {
		if p := plugin(m); p != nil {
			resp.Packages = append(resp.Packages, p)
		}
	}
	return resp, nil
}

// GetProgramDependencies lists the modules that the program is linked with.
func (h *host) GetProgramDependencies(
	ctx context.Context, req *pulumirpc.GetProgramDependenciesRequest) (*pulumirpc.GetProgramDependenciesResponse, error,
) {
	mods, err := h.modules(ctx, req.GetInfo())
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetProgramDependenciesResponse{}
	for _, m := range mods {
		resp.Dependencies = append(resp.Dependencies, &pulumirpc.DependencyInfo{Name: m.Path, Version: m.Version})
	}
	return resp, nil
}

// InstallDependencies downloads the program's modules.
func (h *host) InstallDependencies(
	req *pulumirpc.InstallDependenciesRequest, out pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	cmd := exec.CommandContext(out.Context(), "go", "mod", "download")
	cmd.Dir = req.GetInfo().GetProgramDirectory()
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	sent := make(chan error, 1)
	go func() {
		var err error
		for sc := bufio.NewScanner(r); err == nil && sc.Scan(); {
			err = out.Send(&pulumirpc.InstallDependenciesResponse{Stderr: []byte(sc.Text() + "\n")})
		}
		sent <- errors.Join(err, r.Close())
	}()
	err := cmd.Run()
	if err = errors.Join(err, w.Close(), <-sent); err != nil {
		return fmt.Errorf("go mod download: %w", err)
	}
	return nil
}

// About names the Go toolchain for `pulumi about`.
func (h *host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	exe, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("find the Go toolchain: %w", err)
	}
	out, err := exec.CommandContext(ctx, exe, "env", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version: %w", exe, err)
	}
	return &pulumirpc.AboutResponse{Executable: exe, Version: strings.TrimSpace(string(out))}, nil
}

// GetPluginInfo returns the version of this host.
func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "1.0.0"}, nil
}

// Handshake gives the address of the engine that called.
func (h *host) Handshake(
	_ context.Context, req *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error,
) {
	if a := req.GetEngineAddress(); a != "" {
		h.engine = a
	}
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

// RuntimeOptionsPrompts has nothing to ask for.
func (h *host) RuntimeOptionsPrompts(
	context.Context, *pulumirpc.RuntimeOptionsRequest) (*pulumirpc.RuntimeOptionsResponse, error,
) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

// Cancel ends the running program.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

// plugin returns the plugin of a Pulumi SDK's module,
// github.com/pulumi/pulumi-NAME/sdk/vN, and nil for any other module.
func plugin(m *debug.Module) *pulumirpc.PackageDependency {
	rest, ok := strings.CutPrefix(m.Path, "github.com/pulumi/pulumi-")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 2 || parts[1] != "sdk" {
		return nil
	}
	return &pulumirpc.PackageDependency{Kind: "resource", Name: parts[0], Version: m.Version}
}
