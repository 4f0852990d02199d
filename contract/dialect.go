package contract

import (
	"errors"
	"fmt"
)

// Encoding is how an input's records are written.
type Encoding string

// The encodings.
const (
	CSV    Encoding = "csv"    // RFC 4180, with the delimiter and quote of the Dialect
	NDJSON Encoding = "ndjson" // one JSON object a line
)

// UnmarshalText accepts the names of the encodings.
func (e *Encoding) UnmarshalText(text []byte) error {
	switch v := Encoding(text); v {
	case CSV, NDJSON:
		*e = v
		return nil
	default:
		return fmt.Errorf("unknown encoding %q: want %q or %q", text, CSV, NDJSON)
	}
}

// Dialect says how a segment's inputs are written. Compression is not part of it: it is detected from an input's first bytes.
type Dialect struct {
	Encoding  Encoding `json:"encoding"`
	Delimiter string   `json:"delimiter,omitempty"` // CSV: one ASCII byte
	Quote     string   `json:"quote,omitempty"`     // CSV: one ASCII byte; "": no quoting, quotes are data
	Header    bool     `json:"header,omitempty"`    // CSV: the first record names the columns
}

// Lines says that every line feed ends a record: there are no quotes to keep one inside.
func (d Dialect) Lines() bool { return d.Encoding != CSV || d.Quote == "" }

// Validate reports every problem of the dialect; the errors start with the JSON name of the field.
func (d Dialect) Validate() error {
	var errs []error
	var e Encoding
	if err := e.UnmarshalText([]byte(d.Encoding)); err != nil {
		errs = append(errs, fmt.Errorf("encoding: %w", err))
	}
	if e == NDJSON {
		for _, f := range []struct {
			name string
			set  bool
		}{{"delimiter", d.Delimiter != ""}, {"quote", d.Quote != ""}, {"header", d.Header}} {
			if f.set {
				errs = append(errs, fmt.Errorf("%s: only csv has it", f.name))
			}
		}
		return errors.Join(errs...)
	}
	for _, f := range []struct{ name, value string }{{"delimiter", d.Delimiter}, {"quote", d.Quote}} {
		if f.name == "quote" && f.value == "" {
			continue
		}
		if len(f.value) != 1 || f.value[0] >= 0x80 || f.value[0] == '\n' || f.value[0] == '\r' || f.value[0] == 0 {
			errs = append(errs, fmt.Errorf("%s: %q: want one ASCII character other than a line break", f.name, f.value))
		}
	}
	if d.Delimiter == d.Quote && d.Quote != "" {
		errs = append(errs, fmt.Errorf("quote: %q is the delimiter too", d.Quote))
	}
	return errors.Join(errs...)
}
