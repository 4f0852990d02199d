package component

import (
	"errors"
	"fmt"
	"strings"
)

// Problems are what is wrong with a component's arguments, a line each. The zero value has none.
type Problems struct{ list []error }

// If adds a problem of a field if the condition holds.
func (p *Problems) If(wrong bool, field, format string, args ...any) {
	if wrong {
		p.list = append(p.list, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
}

// Add adds the problems of settings that name themselves. Nil adds none.
func (p *Problems) Add(err error) { p.list = append(p.list, err) }

// In adds the problems of a part, each line with the part's name before it. Nil adds none.
func (p *Problems) In(part string, err error) {
	p.Add(under(part, err))
}

// Err joins the problems; nil when there are none.
func (p *Problems) Err() error { return errors.Join(p.list...) }

// located is an error with the place that it comes from before each of its lines.
type located struct {
	place string
	err   error
}

func under(place string, err error) error {
	if err == nil {
		return nil
	}
	return located{place, err}
}

func (l located) Error() string {
	return l.place + ": " + strings.ReplaceAll(l.err.Error(), "\n", "\n"+l.place+": ")
}

func (l located) Unwrap() error { return l.err }
