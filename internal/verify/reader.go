package verify

import (
	"bytes"
	"io"

	"dip/contract"
	"dip/internal/decompress"
)

// raw is one record as a plain sequential reader sees it.
type raw struct {
	start, end int64    // byte range in the input, line end included
	bytes      []byte   // its text, without the line end
	input      []byte   // its bytes in the input, line end included, where they are not the text
	fields     [][]byte // CSV, unquoted; nil for NDJSON
	malformed  bool     // CSV: breaks the rules of quoting
	comment    bool     // CSV: is a comment, and no record
	sequence   string   // of a record of a stream
}

// reader reads records byte by byte. It is deliberately plain, and shares no code with what it checks.
type reader struct {
	in      *characters
	dialect contract.Dialect
	width   int
	pos     int64
}

// newReader reads records of a content from its start.
func newReader(content io.Reader, d contract.Dialect, size int) *reader {
	return &reader{in: newCharacters(content, d.Charset, size), dialect: d}
}

// next gives the next record or comment, blank lines left out; io.EOF at the end.
func (r *reader) next() (raw, error) {
	for {
		rec, err := r.line()
		if err != nil {
			return raw{}, err
		}
		blank := len(rec.bytes) == 0 && r.width != 1 && !rec.comment
		if r.dialect.Encoding == contract.NDJSON {
			blank = len(bytes.Trim(rec.bytes, " \t\r")) == 0
		}
		if !blank {
			return rec, nil
		}
	}
}

// line reads up to the line feed that ends a record.
func (r *reader) line() (raw, error) {
	rec := raw{start: r.pos}
	r.in.read = r.in.read[:0]
	var err error
	switch {
	case r.dialect.Encoding == contract.NDJSON:
		rec, err = r.plain(rec)
	case r.dialect.Comment != "" && r.in.startsWith(r.dialect.Comment[0]):
		rec, err = r.plain(rec)
		rec.comment = true
	default:
		rec, err = r.csv(rec)
	}
	rec.input = r.in.read
	return rec, err
}

// plain reads up to the next line feed.
func (r *reader) plain(rec raw) (raw, error) {
	for {
		c, err := r.byte()
		if decompress.Ended(err) {
			if len(rec.bytes) == 0 {
				return rec, io.EOF
			}
			break
		}
		if err != nil {
			return rec, err
		}
		if c == '\n' {
			break
		}
		rec.bytes = append(rec.bytes, c)
	}
	rec.bytes = bytes.TrimSuffix(rec.bytes, []byte("\r"))
	rec.end = r.pos
	return rec, nil
}

// byte gives the next byte of the text.
func (r *reader) byte() (byte, error) {
	c, width, err := r.in.next()
	r.pos += int64(width)
	return c, err
}

// The places in a CSV record.
type place int

const (
	fieldStart place = iota
	blanks           // nothing but spaces and tabs since the field's start
	unquoted
	inQuotes
	afterQuote // a quote within quotes: the closing one, or the first of two
)

func (r *reader) csv(rec raw) (raw, error) {
	delimiter := r.dialect.Delimiter[0]
	isQuote := func(c byte) bool { return r.dialect.Quote != "" && c == r.dialect.Quote[0] }
	at := fieldStart
	var field []byte
	endField := func() {
		rec.fields = append(rec.fields, field)
		field, at = nil, fieldStart
	}
	for {
		c, err := r.byte()
		if decompress.Ended(err) {
			if r.pos == rec.start {
				return rec, io.EOF
			}
			if at == inQuotes {
				rec.malformed = true
			}
			return r.endRecord(rec, field, at), nil
		}
		if err != nil {
			return rec, err
		}
		if c == '\n' && at != inQuotes {
			return r.endRecord(rec, field, at), nil
		}
		rec.bytes = append(rec.bytes, c)
		switch {
		case at == inQuotes && isQuote(c):
			at = afterQuote
		case at == inQuotes:
			field = append(field, c)
		case c == delimiter:
			endField()
		case at == fieldStart && isQuote(c):
			at = inQuotes
		case (at == fieldStart || at == blanks) && (c == ' ' || c == '\t'):
			field = append(field, c)
			at = blanks
		case at == blanks && isQuote(c):
			rec.malformed = true
			field = append(field, c)
			at = unquoted
		case at == afterQuote && isQuote(c):
			field = append(field, c)
			at = inQuotes
		case at == afterQuote:
			// A carriage return before the line feed ends the record; anything else breaks the rules.
			if c != '\r' || !r.in.startsWith('\n') && !r.in.ended() {
				rec.malformed = true
			}
			field = append(field, c)
			at = unquoted
		default:
			field = append(field, c)
			at = unquoted
		}
	}
}

// endRecord drops the record's line end. A quote that is never closed includes the one at the end of the input.
func (r *reader) endRecord(rec raw, field []byte, at place) raw {
	rec.end = r.pos
	if at == inQuotes {
		rec.bytes = bytes.TrimSuffix(rec.bytes, []byte("\n"))
	}
	if n := len(rec.bytes); n > 0 && rec.bytes[n-1] == '\r' {
		rec.bytes = rec.bytes[:n-1]
		field = bytes.TrimSuffix(field, []byte("\r"))
	}
	if bytes.HasSuffix(rec.bytes, []byte("\r")) { // CR CR LF
		rec.malformed = true
	}
	rec.fields = append(rec.fields, field)
	return rec
}
