// Package plugin speaks the protocol of Pulumi's engine for a resource provider. What is left to the provider is what
// its settings and its resources mean.
package plugin

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Provider is a resource provider. Its methods may be called by several goroutines at once.
type Provider interface {
	// CheckConfig says what is wrong with the provider's settings, some of which may be unknown.
	CheckConfig(ctx context.Context, settings resource.PropertyMap) error
	// Moves reports whether new settings lead to a place without the old one's resources, which replaces the provider.
	Moves(olds, news resource.PropertyMap) (bool, error)
	// Configure takes the settings. In a preview some may be unknown: the provider may stay unconfigured then.
	Configure(ctx context.Context, settings resource.PropertyMap) error
	// Configured is an error as long as the provider lacks its settings. Nothing but checks, diffs and previews then
	// reaches its resources.
	Configured() error
	// Previews reports whether the provider can predict more than that the inputs are the outputs.
	Previews(inputs resource.PropertyMap) bool
	// Begin bounds an operation by its time limit in seconds; 0: the provider's own. end is called when it is over.
	Begin(ctx context.Context, timeout float64) (bounded context.Context, end context.CancelFunc)
	// Resource returns the resource of a type that the program calls name. ErrUnknown: there is no such type.
	Resource(token, name string) (Resource, error)
	// Invoke calls a function. ErrUnknown: there is none; a Failure: the arguments are wrong, or it says so.
	Invoke(ctx context.Context, token string, args resource.PropertyMap) (resource.PropertyMap, error)
	// Cancel asks running operations to end early.
	Cancel(ctx context.Context) error
}

// Resource is a resource that the engine works on.
type Resource interface {
	// Check completes new inputs in place, with random choices that follow from the seed. Each Failure in its error is
	// something wrong with them.
	Check(ctx context.Context, olds, news resource.PropertyMap, seed []byte) error
	// Diff returns what an update would change.
	Diff(ctx context.Context, op *Operation) (*pulumirpc.DiffResponse, error)
	// Create makes the resource; in a preview it only plans. With an id and an error it exists but is not what it should
	// be.
	Create(ctx context.Context, op *Operation) (id string, outputs resource.PropertyMap, err error)
	// Update changes the resource; in a preview it only plans. With outputs and an error it has changed but is not what
	// it should be.
	Update(ctx context.Context, op *Operation) (resource.PropertyMap, error)
	// Read returns the resource as it is, and the inputs that would make it so; without old outputs it imports it. The id
	// is empty when it does not exist.
	Read(ctx context.Context, op *Operation) (id string, inputs, outputs resource.PropertyMap, err error)
	// Delete removes the resource, and succeeds when there is none.
	Delete(ctx context.Context, op *Operation) error
}

// Operation is what the engine says of an operation; what it leaves out is empty.
type Operation struct {
	ID        string
	Olds      resource.PropertyMap // outputs
	OldInputs resource.PropertyMap
	Inputs    resource.PropertyMap
	Ignored   []string // paths of inputs whose changes the program ignores
	Timeout   float64  // seconds; 0: the program sets none
	Preview   bool
}

// ErrUnknown says that a provider has no resource type or function of a name.
var ErrUnknown = errors.New("unknown")

// Failure is something wrong with inputs.
type Failure struct {
	Property string // its path; "": the inputs as a whole
	Reason   string
}

func (f *Failure) Error() string {
	if f.Property == "" {
		return f.Reason
	}
	return f.Property + ": " + f.Reason
}

// failures takes the Failures out of a joined error. What is left is an error of the provider.
func failures(err error) ([]*pulumirpc.CheckFailure, error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*pulumirpc.CheckFailure
		var rest []error
		for _, e := range joined.Unwrap() {
			found, err := failures(e)
			all, rest = append(all, found...), append(rest, err)
		}
		return all, errors.Join(rest...)
	}
	var f *Failure
	if errors.As(err, &f) {
		return []*pulumirpc.CheckFailure{{Property: f.Property, Reason: f.Reason}}, nil
	}
	return nil, err
}
