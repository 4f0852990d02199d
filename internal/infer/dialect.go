package infer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"dip/contract"
	"dip/internal/record"
	"dip/internal/sniff"
)

// delimiters that are detected, the most common one first.
var delimiters = []string{",", ";", "\t", "|"}

// dialect completes the options by what the beginning of the content shows.
func dialect(head []byte, o Options, r *Result) (contract.Dialect, error) {
	head = head[record.SkipBOM(head):]
	if o.Encoding == "" {
		o.Encoding = contract.CSV
		text := bytes.TrimLeft(head, " \t\r\n")
		if bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[{")) {
			o.Encoding = contract.NDJSON
		}
	}
	if err := sniff.Document(head, o.Encoding, len(head) < headSize); err != nil {
		return contract.Dialect{}, fmt.Errorf("the input %w", err)
	}
	if o.Encoding == contract.NDJSON {
		return contract.Dialect{Encoding: contract.NDJSON}, nil
	}
	d := contract.Dialect{Encoding: contract.CSV, Delimiter: o.Delimiter, Quote: o.Quote, Header: !o.NoHeader}
	if d.Delimiter == "" {
		d.Delimiter = delimiters[0]
		best := 0.0
		for _, candidate := range delimiters {
			c := d
			if c.Delimiter = candidate; candidate == d.Quote {
				continue
			}
			if s := score(head, c); s > best {
				best, d.Delimiter = s, candidate
			}
		}
		if d.Delimiter != delimiters[0] {
			r.note("", "the delimiter is %q: the segment needs it in its settings", d.Delimiter)
		}
	}
	if err := d.Validate(); err != nil {
		return d, fmt.Errorf("dialect: %w", err)
	}
	return d, nil
}

// score is how well a delimiter fits the whole records at the beginning: the share of those that have as many fields as
// the first one, and more for more fields; 0 if the first one has a single field.
func score(head []byte, d contract.Dialect) float64 {
	width, records, same := 0, 0, 0
	for len(head) > 0 {
		n, whole := record.End(head, d)
		if !whole && records > 0 {
			break // maybe cut off
		}
		line := head[:n]
		head = head[n:]
		if len(record.Trim(line)) == 0 {
			continue
		}
		names, err := record.Header(line, d)
		if records++; records == 1 {
			width = len(names)
		}
		if err == nil && len(names) == width {
			same++
		}
	}
	if width < 2 {
		return 0
	}
	return float64(same)/float64(records) + float64(min(width, 1000))/1e6
}

// header returns the names of the columns and the offset of the first record. Without a header the columns are
// numbered, as many as the first record has fields.
func header(head []byte, d contract.Dialect) (names []string, body int, err error) {
	for start := record.SkipBOM(head); ; {
		n, whole := record.End(head[start:], d)
		line := head[start : start+n]
		if len(record.Trim(line)) == 0 {
			if start += n; whole {
				continue
			}
			return nil, 0, errors.New("the file has no records")
		}
		if names, err = record.Header(line, d); err != nil {
			return nil, 0, err
		}
		if d.Header {
			return names, start + n, nil
		}
		for i := range names {
			names[i] = fmt.Sprintf("column_%d", i+1)
		}
		return names, record.SkipBOM(head), nil
	}
}

// note adds a note on a field, or on the file when field is "".
func (r *Result) note(field, format string, args ...any) {
	r.Notes = append(r.Notes, Note{Field: field, Text: fmt.Sprintf(format, args...)})
}

// sameInLowerCase notes the fields whose names differ in case only, which the preview of a stack refuses.
func (r *Result) sameInLowerCase(fields []field) {
	first := map[string]string{}
	for _, f := range fields {
		lower := strings.ToLower(f.Name)
		if other, ok := first[lower]; ok {
			r.note(f.Name, "differs from %q in case only, which a stack's preview refuses", other)
			continue
		}
		first[lower] = f.Name
	}
}
