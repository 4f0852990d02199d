// Package tfprovider finds, runs and supervises HashiCorp's Terraform AWS
// provider as a child process, over plugin protocol 5.
package tfprovider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"dip/tools/pulumi/aws/tfplugin5"
)

// terraformVersion goes into the provider's user agent.
const terraformVersion = "1.11.4"

// exitGrace bounds the wait for a provider to end after its connection broke:
// a large panic takes a moment to print.
const exitGrace = 10 * time.Second

// Provider is a supervised provider process. It starts at the first use; after a crash the next operation starts and
// configures a new one. Safe for concurrent use.
type Provider struct {
	start func() (*instance, error)

	mu     sync.Mutex
	cur    *instance
	config *tfplugin5.DynamicValue // set by Configure; given to each new process
	closed bool
}

// New returns the provider at path. Its log goes to logs when that is not nil.
func New(path string, logs io.Writer) *Provider {
	return &Provider{start: func() (*instance, error) { return start(path, logs) }}
}

// Close ends the process. Operations after Close fail.
func (p *Provider) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.cur != nil {
		p.cur.kill()
		p.cur = nil
	}
}

// Stop asks operations that wait inside the provider to end early.
func (p *Provider) Stop(ctx context.Context) error {
	p.mu.Lock()
	in := p.cur
	p.mu.Unlock()
	if in == nil {
		return nil
	}
	if _, err := in.client.Stop(ctx, &tfplugin5.Stop_Request{}); err != nil {
		return fmt.Errorf("stop the AWS provider: %w", err)
	}
	return nil
}

// Configure gives the provider its settings, now and after each restart.
func (p *Provider) Configure(ctx context.Context, config *tfplugin5.DynamicValue) error {
	p.mu.Lock()
	p.config = nil
	p.mu.Unlock()
	op := Op{What: "configure", Repeatable: true}
	err := p.Do(ctx, op, func(c tfplugin5.ProviderClient) error { return configure(ctx, c, config) })
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.config = config
	p.mu.Unlock()
	return nil
}

// Configured reports whether Configure succeeded.
func (p *Provider) Configured() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config != nil
}

func configure(ctx context.Context, c tfplugin5.ProviderClient, config *tfplugin5.DynamicValue) error {
	r, err := c.Configure(ctx, &tfplugin5.Configure_Request{TerraformVersion: terraformVersion, Config: config})
	if err != nil {
		return err
	}
	return DiagError(r.Diagnostics)
}

// Op describes an operation for error messages.
type Op struct {
	What       string // "create", "read", ...
	Resource   string // what it works on; may be empty
	Repeatable bool   // changes nothing, so that it may run again after a crash
}

func (o Op) String() string { return strings.TrimSpace(o.What + " " + o.Resource) }

// CrashError says that the provider ended in the middle of an operation.
type CrashError struct {
	Op     Op
	Report string // the panic and the provider's own functions on its stack
}

func (e *CrashError) Error() string {
	after := ""
	if !e.Op.Repeatable {
		after = "\nWhether AWS carried the operation out is not known: run `pulumi refresh`, then try again."
	}
	return fmt.Sprintf("the AWS provider process crashed during: %s\n  %s\n"+
		"Operations that ran at the same time fail alike; the crash belongs to the one that the panic's functions name.%s",
		e.Op, e.Report, after)
}

// Do runs fn against a live, configured provider. When the provider dies
// meanwhile, a repeatable operation runs once more on a new process; any other
// fails with a CrashError.
func (p *Provider) Do(ctx context.Context, op Op, fn func(tfplugin5.ProviderClient) error) error {
	for attempt := 1; ; attempt++ {
		in, err := p.live(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		err = fn(in.client)
		if err == nil || !p.died(in, err) {
			return err
		}
		crash := &CrashError{Op: op, Report: in.report()}
		if !op.Repeatable || attempt > 1 || ctx.Err() != nil {
			return crash
		}
	}
}

// died reports whether the end of the process caused err.
func (p *Provider) died(in *instance, err error) bool {
	if status.Code(err) != codes.Unavailable {
		return false
	}
	grace := time.NewTimer(exitGrace)
	defer grace.Stop()
	select {
	case <-in.exited:
	case <-grace.C:
		in.kill() // the connection is gone for good: see dial
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cur == in {
		p.cur = nil
	}
	return true
}

func (p *Provider) live(ctx context.Context) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the AWS provider is shut down")
	}
	if p.cur != nil {
		select {
		case <-p.cur.exited:
			p.cur = nil
		default:
			return p.cur, nil
		}
	}
	in, err := p.start()
	if err != nil {
		return nil, err
	}
	if p.config != nil {
		if err := configure(ctx, in.client, p.config); err != nil {
			in.kill()
			return nil, fmt.Errorf("configure the restarted AWS provider: %w", err)
		}
	}
	p.cur = in
	return in, nil
}

// DiagError joins error diagnostics into one error; nil when there are none.
func DiagError(ds []*tfplugin5.Diagnostic) error {
	var errs []error
	for _, d := range ds {
		if d.Severity == tfplugin5.Diagnostic_ERROR {
			errs = append(errs, errors.New(DiagText(d)))
		}
	}
	return errors.Join(errs...)
}

// DiagText renders a diagnostic without its place.
func DiagText(d *tfplugin5.Diagnostic) string {
	summary, detail := strings.TrimSpace(d.Summary), strings.TrimSpace(d.Detail)
	switch {
	case detail == "" || strings.Contains(summary, detail):
		return summary
	case summary == "" || strings.HasPrefix(detail, summary):
		return detail
	}
	return strings.TrimSuffix(summary, ".") + ": " + detail
}
