package gateway

import (
	"bytes"
	"fmt"
	"net/http"

	"dip/internal/record"
)

// cut appends the records of a body without parsing them. They are slices of content, without the space around them.
func cut(records [][]byte, content []byte, array bool, l Limits) ([][]byte, *Problem) {
	find := cutLines
	if array {
		find = cutArray
	}
	records, err := find(records, content, l.Records)
	switch {
	case err != nil:
		return nil, problem(http.StatusBadRequest, "%v", err)
	case len(records) > l.Records:
		return nil, problem(http.StatusRequestEntityTooLarge,
			"the body has more than %d records: send fewer in a request", l.Records)
	case len(records) == 0:
		return nil, problem(http.StatusBadRequest, "the body has no records")
	}
	return records, nil
}

// cutLines appends the lines that are not blank, up to one more than most.
func cutLines(records [][]byte, content []byte, most int) ([][]byte, error) {
	for len(content) > 0 && len(records) <= most {
		line := content
		if end := bytes.IndexByte(content, '\n'); end >= 0 {
			line, content = content[:end], content[end+1:]
		} else {
			content = nil
		}
		if line = trim(line); len(line) > 0 {
			records = append(records, line)
		}
	}
	return records, nil
}

// trim cuts the space around a text.
func trim(s []byte) []byte {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// isSpace tells what JSON calls whitespace (RFC 8259, 2).
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// cutArray appends the elements of a JSON array, up to one more than most. The error names the byte at which the
// content is no array. What is within the elements is not checked but for the nesting of brackets.
func cutArray(records [][]byte, content []byte, most int) ([][]byte, error) {
	at := skip(content, 0)
	if at == len(content) || content[at] != '[' {
		return nil, fmt.Errorf("byte %d: the body is not a JSON array", at)
	}
	at = skip(content, at+1)
	if at < len(content) && content[at] == ']' {
		return nil, ended(content, at+1)
	}
	for {
		end, err := element(content, at, ']')
		if err != nil {
			return nil, err
		}
		raw := trim(content[at:end])
		if len(raw) == 0 {
			return nil, fmt.Errorf("byte %d: an element of the array is missing", at)
		}
		if records = append(records, raw); len(records) > most {
			return records, nil
		}
		if content[end] == ']' {
			return records, ended(content, end+1)
		}
		at = skip(content, end+1)
	}
}

// element gives the index of the comma, or of the bracket that closes the whole, after the element that begins at from.
func element(content []byte, from int, closing byte) (int, error) {
	depth := 0
	for at := from; at < len(content); at++ {
		switch content[at] {
		case '"':
			end := text(content, at+1)
			if end == len(content) {
				return 0, fmt.Errorf("byte %d: the string that begins here does not end", at)
			}
			at = end
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				if content[at] != closing {
					return 0, fmt.Errorf("byte %d: unexpected %c", at, content[at])
				}
				return at, nil
			}
			depth--
		case ',':
			if depth == 0 {
				return at, nil
			}
		}
	}
	return 0, fmt.Errorf("byte %d: the body ends within the array", len(content))
}

// text gives the index of the quote that ends a string, or the length of the content.
func text(content []byte, from int) int {
	for at := from; at < len(content); at++ {
		switch content[at] {
		case '\\':
			at++
		case '"':
			return at
		}
	}
	return len(content)
}

func skip(content []byte, at int) int {
	for at < len(content) && isSpace(content[at]) {
		at++
	}
	return at
}

func ended(content []byte, at int) error {
	if at = skip(content, at); at < len(content) {
		return fmt.Errorf("byte %d: the body goes on after the end of the array", at)
	}
	return nil
}

// check gives a record as it goes into the stream: a JSON object in one line. The result says why it is none; its
// index is not set. Values are the segment's concern. breaks: there may be line breaks, which are removed in place.
func check(raw []byte, breaks bool, l Limits) ([]byte, *Result) {
	if len(raw) > l.Record {
		return nil, &Result{Status: http.StatusRequestEntityTooLarge,
			Reason: fmt.Sprintf("the record has %d bytes, more than %d", len(raw), l.Record)}
	}
	if err := record.CheckObject(raw); err != nil {
		return nil, bad("the record %v", err)
	}
	if breaks && (bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') >= 0) {
		return compact(raw), nil
	}
	return raw, nil
}

// compact removes the space between the tokens of a valid JSON text, in its place.
func compact(valid []byte) []byte {
	line := valid[:0]
	for at := 0; at < len(valid); at++ {
		switch c := valid[at]; {
		case isSpace(c):
		case c == '"':
			end := text(valid, at+1)
			line = append(line, valid[at:end+1]...)
			at = end
		default:
			line = append(line, c)
		}
	}
	return line
}

func bad(format string, args ...any) *Result {
	return &Result{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, args...)}
}
