// Package intercept lets a test step in before and after each operation of a fake: to log it, to count it, to make it
// fail, to kill the caller on either side of its effect, or to do something in between that provokes a conflict.
package intercept

import "context"

// Hooks are called around operations, from the caller's goroutine and without a lock: they may use the fake themselves.
// The zero value does nothing.
type Hooks[Op any] struct {
	// Before is called first. An operation whose Before fails has no effect, and its error is that one.
	Before func(Op) error
	// After is called when the operation has had its effect. Its error takes the place of the result: the caller does
	// not know what happened, as after a timeout.
	After func(Op) error
}

// Do carries an operation out between the hooks. One whose context has ended fails as a client's does, with no effect.
func (h *Hooks[Op]) Do(ctx context.Context, op Op, do func() error) error {
	if h.Before != nil {
		if err := h.Before(op); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := do()
	if err == nil && h.After != nil {
		return h.After(op)
	}
	return err
}
