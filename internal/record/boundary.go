package record

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"dip/contract"
)

// SkipBOM is the length of the UTF-8 byte order mark at the start of an input: 3 or 0.
func SkipBOM(data []byte) int {
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return 3
	}
	return 0
}

// Trim returns a record without its line end: LF, CRLF, or the CR that ends an input without LF.
func Trim(rec []byte) []byte {
	if n := len(rec); n > 0 && rec[n-1] == '\n' {
		rec = rec[:n-1]
	}
	if n := len(rec); n > 0 && rec[n-1] == '\r' {
		rec = rec[:n-1]
	}
	return rec
}

// End is the offset after the line feed that ends the record at data[0]; len(data), false when data ends before it.
//
// It is the definition of a record. NDJSON, and CSV without quoting: a line feed ends it. CSV: a quote that is the
// first byte of a field opens a quoted text, in which only quotes count; a doubled quote is data, a single one closes
// the text. What follows a closing quote up to the next delimiter or line feed is unquoted, and quotes in it are data.
// A line feed outside quotes ends the record. A comment ends with the first line feed, whatever its quotes.
func End(data []byte, d contract.Dialect) (end int, complete bool) {
	if d.Lines() || d.Comments(data) {
		return lineEnd(data)
	}
	return csvEnd(data, d.Delimiter[0], quoteOf(d))
}

func lineEnd(data []byte) (end int, complete bool) {
	if k := bytes.IndexByte(data, '\n'); k >= 0 {
		return k + 1, true
	}
	return len(data), false
}

// noQuote is a quote, or the start of a comment, that equals no byte.
const noQuote = 256

// quoteOf is a CSV dialect's quote, or noQuote.
func quoteOf(d contract.Dialect) int { return byteOf(d.Quote) }

func byteOf(character string) int {
	if character == "" {
		return noQuote
	}
	return int(character[0])
}

func csvEnd(data []byte, delimiter byte, quote int) (end int, complete bool) {
	i := 0
	for {
		if i < len(data) && int(data[i]) == quote {
			if i = quoteEnd(data, i+1, byte(quote)); i < 0 {
				return len(data), false
			}
			i++
		}
		for i < len(data) && data[i] != delimiter && data[i] != '\n' {
			i++
		}
		if i >= len(data) {
			return len(data), false
		}
		if data[i] == '\n' {
			return i + 1, true
		}
		i++
	}
}

// quoteEnd is the offset of the quote that closes what an opening one before data[i] began, or -1.
func quoteEnd(data []byte, i int, quote byte) int {
	for {
		k := bytes.IndexByte(data[i:], quote)
		if k < 0 {
			return -1
		}
		i += k
		if i+1 < len(data) && data[i+1] == quote {
			i += 2
			continue
		}
		return i
	}
}

// quotedText is unquote of what ends at quoteEnd, in one pass: the text that an opening quote before data[i] began, and
// the offset of its closing quote, or -1.
func quotedText(data []byte, i int, quote byte, scratch *[]byte) (text []byte, closing int) {
	single, start := (*scratch)[:0], i
	for {
		k := bytes.IndexByte(data[i:], quote)
		if k < 0 {
			return nil, -1
		}
		if i += k; i+1 < len(data) && data[i+1] == quote {
			single = append(single, data[start:i+1]...)
			i += 2
			start = i
			continue
		}
		if len(single) == 0 {
			return data[start:i], i
		}
		*scratch = append(single, data[start:i]...)
		return *scratch, i
	}
}

// Faults of a field's quoting.
var (
	errUnclosed  = errors.New("has a quote that is never closed")
	errAfterText = errors.New("has text after its closing quote")
	errBlanks    = errors.New("has blanks before its quote: quotes must begin the field")
)

// blanksThenQuote says that an unquoted text is blanks and then a quote. RFC 4180 takes these quotes for data,
// many readers take them as enclosing the field, which the writer meant: neither reading is safe.
func blanksThenQuote(text []byte, quote int) bool {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i > 0 && i < len(text) && int(text[i]) == quote
}

// splitField reads the field of a trimmed record that starts at i: its text (in *scratch when it had doubled
// quotes), the offset of the delimiter after it (len(rec) for the last field) and what is wrong with its quoting.
func splitField(rec []byte, i int, delimiter byte, quote int, scratch *[]byte) (text []byte, end int, err error) {
	if i >= len(rec) || int(rec[i]) != quote {
		end = i
		for end < len(rec) && rec[end] != delimiter {
			end++
		}
		if text = rec[i:end]; blanksThenQuote(text, quote) {
			err = errBlanks
		}
		return text, end, err
	}
	closing := quoteEnd(rec, i+1, byte(quote))
	if closing < 0 {
		return rec[i+1:], len(rec), errUnclosed
	}
	text = unquote(rec[i+1:closing], byte(quote), scratch)
	end = closing + 1
	if end < len(rec) && rec[end] != delimiter {
		err = errAfterText
		for end < len(rec) && rec[end] != delimiter {
			end++
		}
	}
	return text, end, err
}

// unquote makes single quotes of doubled ones. The result is in *scratch when there were any.
func unquote(text []byte, quote byte, scratch *[]byte) []byte {
	k := bytes.IndexByte(text, quote)
	if k < 0 {
		return text
	}
	single := (*scratch)[:0]
	for k >= 0 {
		single = append(single, text[:k+1]...)
		text = text[k+2:]
		k = bytes.IndexByte(text, quote)
	}
	*scratch = append(single, text...)
	return *scratch
}

// Opening is the offset of the quote that opens the longest quoted text of a record, -1 when it has none. rec may be
// the beginning of a record.
func Opening(rec []byte, d contract.Dialect) int {
	at, longest := -1, -1
	if d.Lines() || d.Comments(rec) {
		return at
	}
	quote := d.Quote[0]
	for i := 0; i < len(rec); i++ {
		if rec[i] == quote {
			end := quoteEnd(rec, i+1, quote)
			if end < 0 {
				end = len(rec)
			}
			if end-i > longest {
				at, longest = i, end-i
			}
			i = end + 1
		}
		for i < len(rec) && rec[i] != d.Delimiter[0] {
			i++
		}
	}
	return at
}

// LoneCR says whether a CSV record has a CR outside quotes that is not part of its line end, as in an input whose lines
// end in CR alone. rec may be the beginning of a record.
func LoneCR(rec []byte, d contract.Dialect) bool {
	return loneCR(Trim(rec), d.Delimiter[0], quoteOf(d))
}

func loneCR(rec []byte, delimiter byte, quote int) bool {
	for i := 0; i < len(rec); i++ {
		if int(rec[i]) == quote {
			if i = quoteEnd(rec, i+1, byte(quote)); i < 0 {
				return false
			}
			i++
		}
		for ; i < len(rec) && rec[i] != delimiter; i++ {
			if rec[i] == '\r' {
				return true
			}
		}
	}
	return false
}

// Header reads the column names from the first record of a CSV input, with or without its line end.
func Header(rec []byte, d contract.Dialect) (names []string, err error) {
	rec = Trim(rec)
	if at := invalidUTF8(rec); at >= 0 {
		return nil, fmt.Errorf("read the header: invalid UTF-8 at byte %d", at)
	}
	var scratch []byte
	for i := 0; ; i++ {
		text, end, err := splitField(rec, i, d.Delimiter[0], quoteOf(d), &scratch)
		if err != nil {
			return nil, fmt.Errorf("read the header: column %d %w", len(names)+1, err)
		}
		names = append(names, string(text))
		if i = end; i == len(rec) {
			return names, nil
		}
	}
}

// invalidUTF8 is the offset of the first invalid UTF-8 byte, or -1.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
