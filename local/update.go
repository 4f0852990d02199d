package local

import (
	"context"
	"errors"
)

// Update deploys the checkout once more as it is now, onto a stack that is up: what a second Up does, for a process
// that runs the stack itself.
func (s *Stack) Update(ctx context.Context) error {
	held, err := s.place.enter(ctx, s.options.Screen)
	if err != nil {
		return err
	}
	show := newSteps(s.options.Screen)
	e := &engine{place: s.place, root: s.options.Root, lock: held}
	if err = s.prepareTools(ctx, show, e); err == nil {
		err = s.settle(ctx, show, e)
	}
	return errors.Join(err, held.release())
}
