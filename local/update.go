package local

import (
	"context"
	"errors"
)

// Update deploys the checkout once more as it is now, onto a stack that is up: what a second Up does, in a process
// that runs the stack itself.
func (s *Stack) Update(ctx context.Context) error {
	held, err := s.place.enter(ctx, s.options.Screen)
	if err != nil {
		return err
	}
	show := newSteps(s.options.Screen)
	e := &engine{place: s.place, root: s.options.Root, lock: held, daemon: s.Daemon}
	err = s.prepareTools(ctx, show, e)
	if err == nil {
		err = show.run("stack", func(say func(string, ...any)) (string, error) {
			c, err := s.deploy(ctx, e, say)
			s.Changed = c.changed > 0
			return c.result(), err
		})
	}
	return errors.Join(err, held.release())
}
