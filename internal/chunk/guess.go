package chunk

import (
	"bytes"

	"dip/contract"
)

// The windows in which a chunk's first record is searched. MinWindow holds hundreds of typical records, which is
// sufficient evidence, takes a fraction of a millisecond to scan, and is small compared to the ranged reads of up to
// 16 MiB, the first of which holds it. MaxWindow bounds the memory of a chunk whatever its records look like: a reader that finds no start in it
// reports that it owns no records, and the chain corrects that.
const (
	MinWindow = 64 << 10
	MaxWindow = 8 << 20
)

// Window returns the size in bytes of the window to read in step 0, 1, 2, ..., and whether it is the largest: MinWindow
// doubled at each step, up to MaxWindow and to room, the bytes from the byte before the cut to the range's end.
func Window(step int, room int64) (size int64, last bool) {
	size, limit := int64(MinWindow), min(room, MaxWindow)
	for range step {
		if size >= limit {
			break
		}
		size *= 2
	}
	return min(size, limit), size >= limit
}

// Guess is what a window shows about the first record of a chunk.
type Guess struct {
	// Offset of the first record's start, relative to the cut. It may be at or past the range's end: the chunk then
	// owns no records.
	Offset int
	// Found is false if the window shows no start: on the last window the guess is that the chunk owns no records.
	Found bool
	// Certain is true if no bytes before the cut could lead to another start.
	Certain bool
	// NeedMore requests a larger window; Found is then false. Never set on the last window.
	NeedMore bool
}

// FindStart guesses where the first record at or after a cut starts. window[0] is the byte before the cut, so that a
// cut at a record's start is recognized by the line feed before it. columns is the number of fields per record, 0 if
// unknown. d has passed Validate. last is true for the largest window (see Window).
//
// Without quoting a record starts after each line feed, so the result is certain. With quoting a line feed may be text:
// the window is read from each state that the record automaton may be in before window[0] (inside quotes, in an
// unquoted field, at a field's start), and the one whose records look best wins. Look-alikes are possible, such as a
// quoted field full of CSV text that is larger than the window: hence the chain. Where there are comments, the window
// may begin inside one as well.
func FindStart(window []byte, d contract.Dialect, columns int, last bool) Guess {
	if d.Lines() {
		i := bytes.IndexByte(window, '\n')
		if i < 0 {
			return Guess{NeedMore: !last}
		}
		return Guess{Offset: i, Found: true, Certain: true}
	}
	// The order breaks ties: most inputs have few line feeds inside quotes.
	hypotheses := []hypothesis{{at: plainText}, {at: freshField}, {at: quotedText}}
	comment := -1
	if d.Comment != "" {
		hypotheses, comment = append(hypotheses, hypothesis{at: commentText}), int(d.Comment[0])
	}
	for i := range hypotheses {
		hypotheses[i].start = -1
	}
	delimiter, quote := d.Delimiter[0], d.Quote[0]
	for i, c := range window {
		ended := 0
		for k := range hypotheses {
			h := &hypotheses[k]
			if h.at == freshRecord {
				if h.at = freshField; int(c) == comment {
					h.at = commentText
				}
			}
			if !h.step(c, delimiter, quote) {
				continue
			}
			h.endRecord(columns)
			if h.start < 0 {
				h.start = i
			}
			ended++
		}
		if ended == len(hypotheses) { // from here on they cannot differ, and the rest is evidence for all
			break
		}
	}
	return judge(hypotheses[:], columns, last)
}

// judge picks the best hypothesis. It requests more bytes if that one has not seen a start yet, or is no better than
// one with another start; on the last window any start is better than none, because a chunk that wrongly reports no
// records costs more than one that was read for nothing.
func judge(hypotheses []hypothesis, columns int, last bool) Guess {
	var best *hypothesis
	for i := range hypotheses {
		h := &hypotheses[i]
		if last && h.start < 0 {
			continue
		}
		if best == nil || h.score(columns) > best.score(columns) {
			best = h
		}
	}
	if best == nil {
		return Guess{}
	}
	certain, decided := true, best.start >= 0
	for i := range hypotheses {
		if h := &hypotheses[i]; h.start != best.start {
			certain = false
			decided = decided && h.score(columns) < best.score(columns)
		}
	}
	if !decided && !last {
		return Guess{NeedMore: true}
	}
	return Guess{Offset: best.start, Found: true, Certain: certain}
}

// position is the state of the record automaton. It is finer than type state because what follows a closing quote is
// evidence.
type position uint8

const (
	freshField  position = iota // at a field's start
	plainText                   // in an unquoted field
	quotedText                  // inside quotes
	quoteSeen                   // after a quote inside quotes: the closing one, or the first of a doubled pair
	returnSeen                  // after a carriage return that followed a closing quote
	freshRecord                 // after a line feed that ended a record
	commentText                 // in a comment, which is no evidence
)

// hypothesis reads the window from one assumed position and counts the evidence.
type hypothesis struct {
	at     position
	start  int  // offset of the first record's start relative to the cut; -1 until it is seen
	fields int  // delimiters since the record's start
	text   bool // bytes other than carriage returns since the record's start

	good      int // complete records with the right number of fields
	bad       int // records with a wrong number of fields
	bare      int // quotes in unquoted fields
	malformed int // closing quotes followed by text
}

// step consumes one byte and reports whether it ended a record.
func (h *hypothesis) step(c, delimiter, quote byte) (ended bool) {
	if h.at == commentText {
		return c == '\n'
	}
	h.text = h.text || c != '\r' && c != '\n'
	if h.at == quotedText {
		if c == quote {
			h.at = quoteSeen
		}
		return false
	}
	if h.at == returnSeen && c != '\n' {
		h.malformed++
		h.at = plainText
	}
	switch c {
	case '\n':
		return true
	case delimiter:
		h.at = freshField
		h.fields++
	case quote:
		if h.at == plainText {
			h.bare++
		} else {
			h.at = quotedText
		}
	default:
		switch {
		case h.at != quoteSeen:
			h.at = plainText
		case c == '\r':
			h.at = returnSeen
		default:
			h.malformed++
			h.at = plainText
		}
	}
	return false
}

// endRecord judges the record that a line feed ended. One that started before the window can only have too many fields;
// a blank line is not evidence.
func (h *hypothesis) endRecord(columns int) {
	whole, fields := h.start >= 0, h.fields+1
	switch {
	case !h.text:
	case columns > 0 && (fields > columns || whole && fields < columns):
		h.bad++
	case whole:
		h.good++
	}
	h.at, h.fields, h.text = freshRecord, 0, false
}

// score weighs the evidence.
//
// Text after a closing quote weighs most: to a wrong hypothesis inside quotes, each opening quote looks like that. A
// quote in an unquoted field is a closing quote seen from outside, but may be an inch sign. Both make the hypotheses
// converge within a field or two, so that they stay few. Good and bad records do not, and count only up to a limit:
// quoted text may be full of lines that look like records, and an input may be ragged. With one column every line is a
// good record.
func (h *hypothesis) score(columns int) int {
	most := 4
	if columns < 2 {
		most = 1
	}
	return min(h.good, most) - min(h.bad, 3) - 2*h.bare - 4*h.malformed
}
