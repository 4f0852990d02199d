package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
)

// manager is the field manager of what is applied here.
const manager = "pulumi-kubernetes"

// ErrImmutable is inside the error of a Plan that only a new object could carry out.
var ErrImmutable = errors.New("a field cannot be changed")

// Create applies a new object and returns it as stored. It may be repeated after it died halfway. Fields of another
// manager are left alone, which is an error: the object existed already. One that is being deleted is waited for.
func (c *Cluster) Create(ctx context.Context, o *Object) (*Object, error) {
	r := RefOf(o)
	if old, err := c.get(ctx, r); err == nil && old.GetDeletionTimestamp() != nil {
		if err := c.AwaitGone(ctx, r); err != nil {
			return nil, err
		}
	}
	made, err := c.persist(ctx, o, v1.PatchOptions{})
	if isOwned(err) {
		return nil, fmt.Errorf("create %s: it exists, and fields of it are managed by others; import it, or delete it: %w", r,
			err)
	}
	if err != nil {
		return nil, c.explain("create", r.String(), err)
	}
	return made, nil
}

// Update applies an object and returns it as stored. Fields that it sets become ours, fields that we set before and
// that it lacks are removed. A missing object is made again.
func (c *Cluster) Update(ctx context.Context, o *Object) (*Object, error) {
	force := true
	made, err := c.persist(ctx, o, v1.PatchOptions{Force: &force})
	if err != nil {
		return nil, c.explain("update", RefOf(o).String(), err)
	}
	return made, nil
}

// Validate has the API server check an object that Create would make. IsMissing reports whether that is too early: its
// kind or its namespace does not exist yet. One that is there and ours is taken to be deleted first.
func (c *Cluster) Validate(ctx context.Context, o *Object) error {
	_, err := c.patch(ctx, o, v1.PatchOptions{DryRun: []string{v1.DryRunAll}})
	if err == nil || (isOwned(err) || c.isUnchangeable(ctx, o, err)) && c.isOurs(ctx, o) {
		return nil
	}
	return c.explain("validate", RefOf(o).String(), err)
}

// isOurs reports whether there is such an object and it was applied from here.
func (c *Cluster) isOurs(ctx context.Context, o *Object) bool {
	live, err := c.get(ctx, RefOf(o))
	return err == nil &&
		slices.ContainsFunc(live.GetManagedFields(), func(f v1.ManagedFieldsEntry) bool { return f.Manager == manager })
}

// Plan returns what Update would store. An error with ErrImmutable inside says that the object can be made, but not
// out of the one that is there.
func (c *Cluster) Plan(ctx context.Context, o *Object) (*Object, error) {
	force := true
	planned, err := c.patch(ctx, o, v1.PatchOptions{Force: &force, DryRun: []string{v1.DryRunAll}})
	if err == nil {
		return planned, nil
	}
	if c.isUnchangeable(ctx, o, err) {
		err = fmt.Errorf("%w: %w", ErrImmutable, err)
	}
	return nil, c.explain("plan the update of", RefOf(o).String(), err)
}

// isUnchangeable reports whether an object was refused only because of what the one that is there has.
func (c *Cluster) isUnchangeable(ctx context.Context, o *Object, err error) bool {
	return cannotChange(err) || apierrors.IsInvalid(err) && c.couldBeNew(ctx, o)
}

// couldBeNew reports whether the API server would accept the object under an unused name.
func (c *Cluster) couldBeNew(ctx context.Context, o *Object) bool {
	other := o.DeepCopy()
	other.SetName("plan-" + rand.String(10))
	_, err := c.patch(ctx, other, v1.PatchOptions{DryRun: []string{v1.DryRunAll}})
	return err == nil
}

// persist stores an object, and retries transient failures for a while.
func (c *Cluster) persist(ctx context.Context, o *Object, opts v1.PatchOptions) (*Object, error) {
	var made *Object
	var refused error
	err := wait.PollUntilContextTimeout(ctx, c.Poll, c.Retry, true, func(ctx context.Context) (bool, error) {
		m, err := c.patch(ctx, o, opts)
		switch {
		case err == nil:
			made = m
			return true, nil
		case refused == nil || ctx.Err() == nil: // a timeout is not the reason
			refused = err
		}
		if passing(refused) {
			return false, nil
		}
		return false, refused
	})
	if err != nil && refused != nil {
		return nil, refused // it says more than a timeout
	}
	return made, err
}

func (c *Cluster) patch(ctx context.Context, o *Object, opts v1.PatchOptions) (*Object, error) {
	res, err := c.resource(RefOf(o))
	if err != nil {
		return nil, err
	}
	text, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	opts.FieldManager, opts.FieldValidation = manager, v1.FieldValidationStrict
	return res.Patch(ctx, o.GetName(), types.ApplyPatchType, text, opts)
}
