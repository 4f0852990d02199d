// Package fault distinguishes permanent failures from those that a retry may cure.
package fault

import "errors"

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that recurs on every retry: a truncated input, a record that is too long. A load with a
// permanent failure fails with its text as the reason.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent reports whether any error in the chain is marked Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}
