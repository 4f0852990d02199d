package proof

import (
	"context"
	"os"
	"strings"

	"dip/config"
	"dip/internal/client"
	"dip/local"
)

// Emulator is a stack on this machine's emulator, which is up: there is nothing to ask without it.
type Emulator struct {
	// Root is the checkout of the stack.
	Root  string
	Stack *local.Stack

	deployed bool // in this proof
}

// Name of the stack.
func (e *Emulator) Name() string { return local.StackName }

// Settings are the stack's own.
func (e *Emulator) Settings() (*config.Stack, error) {
	a, err := OpenAccount(e.Root, local.StackName)
	if err != nil {
		return nil, err
	}
	return a.Settings()
}

// Up deploys the stack. The first time it is up already.
func (e *Emulator) Up(ctx context.Context, settings map[string]any) (Deployed, error) {
	if e.deployed || settings != nil {
		if err := e.Stack.UpdateWith(ctx, map[string]any{config.Key: settings}); err != nil {
			return Deployed{}, err
		}
	}
	e.deployed = true
	return Deployed{Summary: e.Stack.Changes.String(), Changed: e.Stack.Changed}, nil
}

// Destroy removes everything that Up made.
func (e *Emulator) Destroy(ctx context.Context) error { return e.Stack.Remove(ctx) }

// Client is access to the stack.
func (e *Emulator) Client(context.Context) (*client.Stack, error) { return e.Stack.Client(), nil }

// Run runs a program against the emulator.
func (e *Emulator) Run(ctx context.Context, program string, args ...string) ([]byte, error) {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") {
			env = append(env, v)
		}
	}
	return run(ctx, e.Root, append(env, e.Stack.Daemon.Environment()...), program, args...)
}
