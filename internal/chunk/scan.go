package chunk

import (
	"bytes"

	"dip/contract"
)

// state is the state of the record automaton between two bytes.
//
// The automaton defines where CSV records end: a quote at a field's start opens a quoted field; inside quotes only a
// quote matters, and a doubled one is a literal; anything but a delimiter or a line break after the closing quote makes
// the record malformed, and the rest of the field is read as unquoted; in an unquoted field quotes are plain bytes; a
// line feed outside quotes ends the record. A record that begins with the dialect's comment character is a comment, and
// ends with the next line feed.
//
// Within records three states are enough to find their ends: after a closing quote the automaton behaves as at a
// field's start (a quote returns inside, a delimiter or line feed ends the field, anything else continues unquoted), so
// fieldStart represents both.
type state uint8

const (
	fieldStart state = iota
	unquoted
	quoted
	recordStart // where a comment may begin
	comment
)

// Scanner finds the ends of records in bytes that arrive in pieces of any size. It examines each byte once and retains
// none. It is not safe for concurrent use.
type Scanner struct {
	delimiter, quote byte
	comment          int // -1: none
	quoting          bool
	state            state
}

// NewScanner returns a scanner at the start of a record. d has passed Validate.
func NewScanner(d contract.Dialect) *Scanner {
	if d.Lines() {
		return &Scanner{}
	}
	s := &Scanner{quoting: true, delimiter: d.Delimiter[0], quote: d.Quote[0], comment: -1, state: recordStart}
	if d.Comment != "" {
		s.comment = int(d.Comment[0])
	}
	return s
}

// Next scans until the current record ends. It returns the number of bytes up to and including the record's line feed,
// and true; the scanner is then at the start of the next record. If data ends first, it returns len(data) and false,
// and the next call continues from there. The last record of an input may have no line feed.
func (s *Scanner) Next(data []byte) (n int, ended bool) {
	if s.state == recordStart && len(data) > 0 {
		if s.state = fieldStart; int(data[0]) == s.comment {
			s.state = comment
		}
	}
	if !s.quoting || s.state == comment {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			s.state = recordStart
			return i + 1, true
		}
		return len(data), false
	}
	at, feed := 0, -1 // feed: offset of the first line feed at or after at; len(data) when there is none
	for {
		if s.state == quoted {
			i := bytes.IndexByte(data[at:], s.quote)
			if i < 0 {
				return len(data), false
			}
			at += i + 1
			s.state = fieldStart
		}
		if feed < at {
			if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
				feed = at + i
			} else {
				feed = len(data)
			}
		}
		i := bytes.IndexByte(data[at:feed], s.quote)
		if i < 0 {
			if feed < len(data) {
				s.state = recordStart
				return feed + 1, true
			}
			s.pass(data[at:])
			return len(data), false
		}
		s.pass(data[at : at+i])
		at += i + 1
		if s.state == fieldStart {
			s.state = quoted
		}
	}
}

// pass skips bytes outside quotes that contain neither quotes nor line feeds.
func (s *Scanner) pass(data []byte) {
	switch {
	case len(data) == 0:
	case data[len(data)-1] == s.delimiter:
		s.state = fieldStart
	default:
		s.state = unquoted
	}
}
