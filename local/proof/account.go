package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"gopkg.in/yaml.v3"

	"dip/config"
	"dip/internal/client"
)

// Account is a stack in an AWS account, deployed by this machine's Pulumi.
type Account struct {
	// Root is the checkout, Stack the name of one of its stacks.
	Root, Stack string

	file     []byte // the stack's own settings
	document struct{ Config map[string]any }
}

// OpenAccount reads the settings of a stack.
func OpenAccount(root, stack string) (*Account, error) {
	a := &Account{Root: root, Stack: stack}
	text, err := os.ReadFile(a.path())
	if err == nil {
		err = yaml.Unmarshal(text, &a.document)
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings of stack %s: %w", stack, err)
	}
	a.file = text
	return a, nil
}

func (a *Account) path() string { return filepath.Join(a.Root, "Pulumi."+a.Stack+".yaml") }

// Name of the stack.
func (a *Account) Name() string { return a.Stack }

// Settings are the stack's own.
func (a *Account) Settings() (*config.Stack, error) {
	object, err := json.Marshal(a.document.Config[config.Key])
	if err != nil {
		return nil, fmt.Errorf("read the settings of stack %s: %w", a.Stack, err)
	}
	return config.Parse(object, config.Options{Files: os.DirFS(a.Root)})
}

// Up deploys the stack. The stack's file is as before when it returns.
func (a *Account) Up(ctx context.Context, settings map[string]any) (did Deployed, err error) {
	defer func() { err = errors.Join(err, os.WriteFile(a.path(), a.file, 0o644)) }()
	for _, path := range paths(config.Key, settings) {
		if _, err := a.Run(ctx, "pulumi", "config", "set", "--stack", a.Stack, "--path", path[0], path[1]); err != nil {
			return did, err
		}
	}
	if _, err := a.Run(ctx, "pulumi", "up", "--stack", a.Stack, "--yes", "--skip-preview", "--non-interactive",
		"--parallel", "64"); err != nil {
		return did, err
	}
	text, err := a.Run(ctx, "pulumi", "stack", "history", "--stack", a.Stack, "--json", "--page-size", "1")
	if err != nil {
		return did, err
	}
	var history []struct{ ResourceChanges map[string]int }
	if err := json.Unmarshal(text, &history); err != nil || len(history) == 0 {
		return did, fmt.Errorf("read what the deployment did: %w: %s", err, text)
	}
	var parts []string
	for kind, n := range history[0].ResourceChanges {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
		did.Changed = did.Changed || n > 0 && kind != "same"
	}
	slices.Sort(parts)
	did.Summary = strings.Join(parts, ", ")
	return did, nil
}

// paths are settings as pulumi sets them: path and value.
func paths(base string, settings map[string]any) (all [][2]string) {
	for key, value := range settings {
		if object, ok := value.(map[string]any); ok {
			all = append(all, paths(base+"."+key, object)...)
		} else {
			all = append(all, [2]string{base + "." + key, fmt.Sprint(value)})
		}
	}
	return all
}

// Destroy removes everything that Up made.
func (a *Account) Destroy(ctx context.Context) error {
	_, err := a.Run(ctx, "pulumi", "destroy", "--stack", a.Stack, "--yes", "--skip-preview", "--non-interactive")
	return err
}

// Client is access to the stack once it is up.
func (a *Account) Client(ctx context.Context) (*client.Stack, error) {
	o, err := client.PulumiOutputs(ctx, a.Root, a.Stack)
	if err != nil {
		return nil, err
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(o.Region))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return client.Connect(a.Stack, cfg, o), nil
}

// Run runs a program with this machine's credentials, in the stack's region and with access to its cluster.
func (a *Account) Run(ctx context.Context, program string, args ...string) ([]byte, error) {
	env := os.Environ()
	if region, ok := a.document.Config["aws:region"].(string); ok {
		env = append(env, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region)
	}
	if program == "kubectl" {
		file, err := a.kubeconfig(ctx)
		if err != nil {
			return nil, err
		}
		defer os.Remove(file)
		env = append(env, "KUBECONFIG="+file)
	}
	return run(ctx, a.Root, env, program, args...)
}

// kubeconfig writes the stack's to a temporary file.
func (a *Account) kubeconfig(ctx context.Context) (string, error) {
	s, err := a.Client(ctx)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "dip-kubeconfig-*")
	if err != nil {
		return "", fmt.Errorf("write the kubeconfig: %w", err)
	}
	_, err = f.WriteString(s.Outputs.Cluster.Kubeconfig)
	return f.Name(), errors.Join(err, f.Close())
}

// run runs a program. Its error has what it said.
func run(ctx context.Context, dir string, env []string, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, env
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s%s", program, strings.Join(args[:min(2, len(args))], " "), err, said.Bytes(),
			tail(out.Bytes()))
	}
	return out.Bytes(), nil
}

// tail is the end of what a program printed.
func tail(text []byte) []byte { return text[max(0, len(text)-2000):] }
