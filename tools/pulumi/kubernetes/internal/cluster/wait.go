package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"dip/tools/pulumi/kubernetes/internal/ready"
)

// AwaitReady waits until an object is ready, as far as its kind can tell, and returns it as last seen. The context
// bounds the wait. An error says what was missing, with the object's conditions and events.
func (c *Cluster) AwaitReady(ctx context.Context, o *Object) (*Object, error) {
	r, start := RefOf(o), time.Now()
	missing := "it was not read yet"
	err := wait.PollUntilContextCancel(ctx, c.Poll, true, func(ctx context.Context) (bool, error) {
		now, err := c.get(ctx, r)
		if ctx.Err() != nil {
			return false, nil // what is missing is what was seen last
		}
		if err != nil {
			missing = err.Error()
			return false, lasting(err)
		}
		o = now
		missing, err = ready.Missing(o)
		return missing == "", err
	})
	if err == nil {
		return o, nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("not ready after %v: %s: %w", time.Since(start).Round(time.Second), missing, context.Cause(ctx))
	}
	return o, fmt.Errorf("wait for %s: %w%s", r, err, c.circumstances(o))
}

// lasting returns an error that retrying cannot fix, and nil for others.
func lasting(err error) error {
	if passing(err) {
		return nil
	}
	return err
}

// circumstances lists what is known about an object that is not as it should be, one fact a line.
func (c *Cluster) circumstances(o *Object) string {
	// The wait may have used up its time: these requests have their own.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	lines := append(ready.Conditions(o), c.events(ctx, o)...)
	lines = append(lines, c.pods(ctx, o)...)
	if len(lines) == 0 {
		return ""
	}
	return "\n  " + strings.Join(lines, "\n  ")
}

// Delete removes an object and what it owns, and returns when they are gone. A missing object is not an error. The
// context bounds the wait.
func (c *Cluster) Delete(ctx context.Context, r Ref) error {
	if err := c.Drop(ctx, r); err != nil {
		return err
	}
	return c.AwaitGone(ctx, r)
}

// Drop is Delete without the wait.
func (c *Cluster) Drop(ctx context.Context, r Ref) error {
	res, err := c.resource(r)
	if err == nil {
		err = res.Delete(ctx, r.Name, v1.DeleteOptions{PropagationPolicy: propagation(r)})
	}
	if err != nil && !IsMissing(err) {
		return c.explain("delete", r.String(), err)
	}
	return nil
}

// propagation is how what an object owns goes: before the object. A pod owns nothing; with a policy of its own it would
// get a finalizer for no use.
func propagation(r Ref) *v1.DeletionPropagation {
	p := v1.DeletePropagationForeground
	if r.Kind.Group == "" && r.Kind.Kind == "Pod" {
		p = v1.DeletePropagationBackground
	}
	return &p
}

// AwaitGone returns when an object no longer exists. The context bounds the wait.
func (c *Cluster) AwaitGone(ctx context.Context, r Ref) error {
	start := time.Now()
	var last *Object
	err := wait.PollUntilContextCancel(ctx, c.Poll, true, func(ctx context.Context) (bool, error) {
		o, err := c.get(ctx, r)
		if IsMissing(err) {
			return true, nil
		}
		if err != nil || ctx.Err() != nil {
			return false, lasting(err)
		}
		// Another object of the same name does not count.
		gone := last != nil && o.GetUID() != last.GetUID()
		last = o
		return gone, nil
	})
	if err == nil {
		return nil
	}
	if last == nil || ctx.Err() == nil {
		return c.explain("wait for the deletion of", r.String(), err)
	}
	return fmt.Errorf("delete %s: still there after %v: %w%s%s", r, time.Since(start).Round(time.Second),
		context.Cause(ctx),
		finalizers(last), c.circumstances(last))
}

func finalizers(o *Object) string {
	if len(o.GetFinalizers()) == 0 {
		return ""
	}
	return "\n  finalizers still present: " + strings.Join(o.GetFinalizers(), ", ")
}
