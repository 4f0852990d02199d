package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/zclconf/go-cty/cty"

	"dip/tools/pulumi/plugin"
)

// Create makes the resource; in a preview it only plans.
func (t *target) Create(ctx context.Context, op *plugin.Operation) (string, resource.PropertyMap, error) {
	config, err := t.config(op.Inputs, "create", op.Timeout)
	if err != nil {
		return "", nil, err
	}
	p, err := t.plan(ctx, cty.NullVal(t.Node.Type), config, nil)
	if err != nil {
		return "", nil, err
	}
	if op.Preview {
		outs, err := t.outputs(p.state, nil, op.Inputs)
		return "", outs, err
	}
	state, private, applyErr := t.apply(ctx, "create", p, op.Inputs)
	id := idOf(state)
	if id == "" {
		if applyErr == nil {
			applyErr = fmt.Errorf("create %s %q: the provider gave no id", t.TF, t.name)
		}
		return "", nil, applyErr
	}
	outs, err := t.outputs(state, private, op.Inputs)
	if err != nil {
		return "", nil, errors.Join(applyErr, err)
	}
	return id, outs, applyErr
}

// Update changes the resource in place; in a preview it only plans.
func (t *target) Update(ctx context.Context, op *plugin.Operation) (resource.PropertyMap, error) {
	p, err := t.planUpdate(ctx, op, "update")
	if err != nil {
		return nil, err
	}
	if op.Preview {
		return t.outputs(p.state, nil, op.Inputs)
	}
	state, private, applyErr := t.apply(ctx, "update", p, op.Inputs)
	if state.IsNull() {
		if applyErr == nil {
			applyErr = fmt.Errorf("update %s %q: the provider gave no state", t.TF, t.name)
		}
		return nil, applyErr
	}
	outs, err := t.outputs(state, private, op.Inputs)
	if err != nil {
		return nil, errors.Join(applyErr, err)
	}
	return outs, applyErr
}

// Delete removes the resource.
func (t *target) Delete(ctx context.Context, op *plugin.Operation) error {
	prior, private, err := t.prior(ctx, op.ID, op.Olds)
	if err != nil {
		return err
	}
	if private, err = withDeleteTimeout(private, op.Timeout); err != nil {
		return fmt.Errorf("delete %s %q: %w", t.TF, t.name, err)
	}
	none := cty.NullVal(t.Node.Type)
	_, _, err = t.apply(ctx, "delete", &plan{prior: prior, config: none, state: none, private: private}, nil)
	return err
}
