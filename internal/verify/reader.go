package verify

import (
	"bufio"
	"bytes"
	"io"

	"dip/contract"
	"dip/internal/decompress"
)

// raw is one record as a plain sequential reader sees it.
type raw struct {
	start, end int64    // byte range, line end included
	bytes      []byte   // without the line end
	fields     [][]byte // CSV, unquoted; nil for NDJSON
	malformed  bool     // CSV: breaks the rules of quoting
}

// reader reads records byte by byte. It is deliberately plain, and shares no code with what it checks.
type reader struct {
	in      *bufio.Reader
	dialect contract.Dialect
	width   int
	pos     int64
}

// next gives the next record, blank lines left out; io.EOF at the end.
func (r *reader) next() (raw, error) {
	for {
		rec, err := r.line()
		if err != nil {
			return raw{}, err
		}
		blank := len(rec.bytes) == 0 && r.width != 1
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
	if r.dialect.Encoding == contract.NDJSON {
		for {
			c, err := r.in.ReadByte()
			if decompress.Ended(err) {
				if len(rec.bytes) == 0 {
					return rec, io.EOF
				}
				break
			}
			if err != nil {
				return rec, err
			}
			r.pos++
			if c == '\n' {
				break
			}
			rec.bytes = append(rec.bytes, c)
		}
		rec.bytes = bytes.TrimSuffix(rec.bytes, []byte("\r"))
		rec.end = r.pos
		return rec, nil
	}
	return r.csv(rec)
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
		c, err := r.in.ReadByte()
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
		r.pos++
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
			next, err := r.in.Peek(1)
			if c != '\r' || (err == nil && next[0] != '\n') {
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
