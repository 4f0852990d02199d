// Package fault tells failures that a retry may cure from those that it cannot.
package fault

import "errors"

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that comes back however often the work is repeated: a truncated input, a record that is
// too long. A load with a permanent failure fails with its text as the reason.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent says whether any error in the chain was marked Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}
