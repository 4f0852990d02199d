// Package server is the Pulumi resource provider "kubernetes": it serves the tokens of the Pulumi kubernetes SDK with
// server-side apply.
package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"dip/tools/pulumi/kubernetes/internal/cluster"
	"dip/tools/pulumi/plugin"
)

// patience is how long an operation may wait for the cluster when the program sets no limit of its own.
const patience = 10 * time.Minute

// Provider implements plugin.Provider.
type Provider struct {
	charts string // folder of charts; empty: there are none
	// cluster is nil before Configure, and as long as the kubeconfig is unknown.
	cluster *cluster.Cluster
	// deleteUnreachable drops resources whose cluster does not answer.
	deleteUnreachable bool

	stop   context.Context
	cancel context.CancelCauseFunc
}

// New makes a provider that takes the charts of releases from a folder.
func New(charts string) *Provider {
	p := &Provider{charts: charts}
	p.stop, p.cancel = context.WithCancelCause(context.Background())
	return p
}

// Cancel ends running operations early.
func (p *Provider) Cancel(context.Context) error {
	p.cancel(errors.New("the engine cancelled the operation"))
	return nil
}

// Invoke refuses: there are no functions.
func (p *Provider) Invoke(context.Context, string, resource.PropertyMap) (resource.PropertyMap, error) {
	return nil, plugin.ErrUnknown
}

// Begin bounds an operation by the program's limit in seconds (0: none) and by the engine's wish to end.
func (p *Provider) Begin(ctx context.Context, seconds float64) (context.Context, context.CancelFunc) {
	limit := patience
	if seconds > 0 {
		limit = time.Duration(seconds * float64(time.Second))
	}
	ctx, end := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the time limit is over (customTimeouts sets it)"))
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(p.stop, func() { cancel(context.Cause(p.stop)) })
	return ctx, func() {
		unhook()
		cancel(nil)
		end()
	}
}

// Configured is an error when the cluster is not known.
func (p *Provider) Configured() error {
	if p.cluster == nil {
		return errors.New("the kubernetes provider's kubeconfig is not known")
	}
	return nil
}

// Previews reports whether the API server can be asked about inputs: of objects that are known.
func (p *Provider) Previews(in resource.PropertyMap) bool {
	return p.cluster != nil && !in.ContainsUnknowns()
}

// Resource returns an object or a release.
func (p *Provider) Resource(token, name string) (plugin.Resource, error) {
	if token == releaseToken {
		return lenient{p.release(name), p}, nil
	}
	t, err := p.target(token, name)
	if err != nil {
		return nil, err
	}
	return lenient{t, p}, nil
}

// lenient is a resource that may be dropped although its cluster does not answer, if the provider's settings say so.
type lenient struct {
	plugin.Resource
	p *Provider
}

func (l lenient) Read(
	ctx context.Context, op *plugin.Operation) (string, resource.PropertyMap, resource.PropertyMap, error,
) {
	id, in, outs, err := l.Resource.Read(ctx, op)
	if cluster.IsUnreachable(err) && l.p.deleteUnreachable {
		return "", nil, nil, nil
	}
	return id, in, outs, err
}

func (l lenient) Delete(ctx context.Context, op *plugin.Operation) error {
	err := l.Resource.Delete(ctx, op)
	if !cluster.IsUnreachable(err) {
		return err
	}
	if l.p.deleteUnreachable {
		return nil
	}
	return fmt.Errorf("%w; if the cluster is gone for good, set the provider's deleteUnreachable", err)
}
