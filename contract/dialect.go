package contract

import (
	"errors"
	"fmt"
	"slices"
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

// Charset is how the characters of an input are written as bytes.
type Charset string

// The charsets. UTF16LE and UTF16BE have two bytes or four a character, Windows1252 and Latin1 one.
const (
	UTF8        Charset = "utf-8"
	Windows1252 Charset = "windows-1252"
	Latin1      Charset = "iso-8859-1"
	UTF16LE     Charset = "utf-16le"
	UTF16BE     Charset = "utf-16be"
)

// Charsets lists them.
var Charsets = []Charset{UTF8, Windows1252, Latin1, UTF16LE, UTF16BE}

// UnmarshalText accepts the names of the charsets.
func (c *Charset) UnmarshalText(text []byte) error {
	if !slices.Contains(Charsets, Charset(text)) {
		return fmt.Errorf("unknown charset %q: want one of %q", text, Charsets)
	}
	*c = Charset(text)
	return nil
}

// Dialect says how a segment's inputs are written. Compression is not part of it: it is detected from an input's first
// bytes.
type Dialect struct {
	Encoding    Encoding `json:"encoding"`
	Charset     Charset  `json:"charset,omitempty"`     // "" is UTF8
	Delimiter   string   `json:"delimiter,omitempty"`   // CSV: one ASCII byte
	Quote       string   `json:"quote,omitempty"`       // CSV: one ASCII byte; "": no quoting, quotes are data
	Header      bool     `json:"header,omitempty"`      // CSV: the first record names the columns
	Comment     string   `json:"comment,omitempty"`     // CSV: one ASCII byte; a line that begins with it is no record
	SkipLines   int      `json:"skipLines,omitempty"`   // CSV: lines before the header that are no records
	FooterLines int      `json:"footerLines,omitempty"` // CSV: lines at the end that are no records
}

// Skipped counts what of an input is no record: the lines of SkipLines, FooterLines and Comment.
type Skipped struct {
	Lines int64 `json:"lines"`
	Bytes int64 `json:"bytes"` // with their line ends
}

// Plus adds two counts.
func (s Skipped) Plus(o Skipped) Skipped { return Skipped{s.Lines + o.Lines, s.Bytes + o.Bytes} }

// Lines says that every line feed ends a record: there are no quotes to keep one inside.
func (d Dialect) Lines() bool { return d.Encoding != CSV || d.Quote == "" }

// Comments says whether a record's first bytes begin a comment instead. Its line ends with the next line feed.
func (d Dialect) Comments(record []byte) bool {
	return d.Comment != "" && len(record) > 0 && record[0] == d.Comment[0]
}

// Validate reports every problem of the dialect; the errors start with the JSON name of the field.
func (d Dialect) Validate() error {
	var errs []error
	add := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf(field+": "+format, args...))
	}
	var e Encoding
	if err := e.UnmarshalText([]byte(d.Encoding)); err != nil {
		add("encoding", "%w", err)
	}
	if c := d.Charset; c != "" {
		if err := c.UnmarshalText([]byte(c)); err != nil {
			add("charset", "%w", err)
		}
	}
	if e == NDJSON {
		for _, f := range []struct {
			name string
			set  bool
		}{{"delimiter", d.Delimiter != ""}, {"quote", d.Quote != ""}, {"header", d.Header}, {"comment", d.Comment != ""},
			{"skipLines", d.SkipLines != 0}, {"footerLines", d.FooterLines != 0}} {
			if f.set {
				add(f.name, "only csv has it")
			}
		}
		return errors.Join(errs...)
	}
	characters := []struct {
		name, value string
		optional    bool
	}{{"delimiter", d.Delimiter, false}, {"quote", d.Quote, true}, {"comment", d.Comment, true}}
	for i, f := range characters {
		if f.value == "" && f.optional {
			continue
		}
		if len(f.value) != 1 || f.value[0] >= 0x80 || f.value[0] == '\n' || f.value[0] == '\r' || f.value[0] == 0 {
			add(f.name, "%q: want one ASCII character other than a line break", f.value)
		}
		for _, other := range characters[:i] {
			if f.value == other.value {
				add(f.name, "%q is the %s too", f.value, other.name)
			}
		}
	}
	for _, f := range []struct {
		name  string
		lines int
	}{{"skipLines", d.SkipLines}, {"footerLines", d.FooterLines}} {
		if f.lines < 0 {
			add(f.name, "%d: want 0 or more", f.lines)
		}
	}
	return errors.Join(errs...)
}
