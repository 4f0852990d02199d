package plan

import (
	"context"
	"errors"
	"fmt"

	"dip/contract"
	"dip/internal/ledger"
)

// sameError says that an input has the content of another load.
type sameError struct{ of string }

func (e *sameError) Error() string { return "the input has the content of load " + e.of }

// repeated is a *sameError if the version before an object has the same content and is, or is on its way to be,
// published: whoever wrote it repeated a write whose reply was lost, and its records would be doubled. A load that
// failed is no reason: putting its input again is a way to retry.
func (p *Planner) repeated(ctx context.Context, o contract.Object) error {
	before, same, err := p.Versions.Previous(ctx, o)
	if err != nil || !same {
		return err
	}
	load, err := p.Ledger.Load(ctx, contract.LoadID(before))
	switch {
	case errors.Is(err, ledger.ErrNotFound), err == nil && load.Status == contract.Failed:
		return nil
	case err != nil:
		return err
	case load.Status == contract.Duplicate:
		return &sameError{load.Of}
	}
	return &sameError{load.ID}
}

func (p *Planner) same(ctx context.Context, load ledger.Load, of string) error {
	if _, err := p.Ledger.Same(ctx, load.ID, of, p.Now()); err != nil {
		return err
	}
	p.Log.InfoContext(ctx, "load has the content of another", "load", load.ID, "of", of)
	if err := p.Ledger.Announced(ctx, load.ID); err != nil { // the other one's event announces both
		return fmt.Errorf("load %s: %w", load.ID, err)
	}
	return nil
}
