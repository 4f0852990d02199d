package tableschema

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Indian is the Grouping of numbers written as 12,34,567.
const Indian = "indian"

// plain rewrites a number from the form that groupChar, decimalChar and bareNumber describe to the one that isNumber
// tests. Text that could change the sign or the value is never dropped: it is an error.
func (f *Field) plain(dst, text []byte) ([]byte, error) {
	if !f.BareNumber {
		number, negative, ok := f.unwrap(text)
		if !ok {
			return nil, errWrapping
		}
		if negative {
			dst = append(dst, '-')
		}
		text = number
	}
	n := sign(text)
	dst, text = append(dst, text[:n]...), text[n:]
	dst, text, ok := f.ungroup(dst, text)
	if !ok {
		return nil, errGroups
	}
	if f.DecimalChar != "" && bytes.HasPrefix(text, []byte(f.DecimalChar)) {
		dst, text = append(dst, '.'), text[len(f.DecimalChar):]
		n := digits(text)
		dst, text = append(dst, text[:n]...), text[n:]
	}
	if len(text) > 0 && text[0]|0x20 != 'e' {
		return nil, nil // not a number
	}
	return append(dst, text...), nil
}

// ungroup appends the digits before the point without what groups them, and returns what follows. False for groups
// other than the schema's: threes but for the first, or pairs before the last three. A first group that begins with 0
// has all its digits: 123 is never written as 0.123.
func (f *Field) ungroup(dst, text []byte) (_, rest []byte, ok bool) {
	n := digits(text)
	dst, text = append(dst, text[:n]...), text[n:]
	if f.GroupChar == "" || !bytes.HasPrefix(text, []byte(f.GroupChar)) {
		return dst, text, true
	}
	most := 3
	if f.Grouping == Indian {
		most = 2
	}
	ok = n == most || n > 0 && n < most && dst[len(dst)-n] != '0'
	for bytes.HasPrefix(text, []byte(f.GroupChar)) {
		text = text[len(f.GroupChar):]
		n = digits(text)
		more := bytes.HasPrefix(text[n:], []byte(f.GroupChar))
		ok = ok && (more && n == most || !more && n == 3)
		dst, text = append(dst, text[:n]...), text[n:]
	}
	return dst, text, ok
}

// The characters in which a minus is written, hyphens and dashes among them, and a plus.
const (
	minusSigns = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u207b\u208b\u2796\ufe58\ufe63\uff0d"
	plusSigns  = "+\u207a\u208a\u2795\ufe62\uff0b"
)

// unitMarks may be part of a unit, as letters, currency signs and blanks may.
const unitMarks = "%\u2030\u00b0.,:;/*#&@!?'\"\u2019\u2032\u2033"

// Words around a number that say something about its sign or size.
var meaningful = []string{
	"minus", "neg", "negative", "cr", "dr", "k", "mn", "mln", "mio", "bn", "bln", "mrd", "tsd", "dozen", "hundred",
	"thousand", "million", "millions", "billion", "billions", "trillion", "trillions", "lakh", "lakhs", "crore", "crores",
}

// unwrap finds the number in a text that may have a unit around it. The sign is one of minusSigns or a plus, at the
// text's start or right before the number (blanks and parentheses aside), or a pair of parentheses around the number.
// False when there is anything else that may change the sign or the value.
func (f *Field) unwrap(text []byte) (number []byte, negative, ok bool) {
	const figures = "0123456789"
	first, end := bytes.IndexAny(text, figures), bytes.LastIndexAny(text, figures)+1
	if first < 0 {
		return nil, false, false
	}
	point := []byte(f.DecimalChar)
	start := first
	if len(point) > 0 && bytes.HasSuffix(text[:first], point) {
		start -= len(point)
	}
	if len(point) > 0 && bytes.HasPrefix(text[end:], point) {
		end += len(point)
	}
	before, after := string(text[:start]), string(text[end:])
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	dot := start < first && unicode.IsLetter(last) // as in "Rs.500"
	if before != "" && (dot || f.separates(last) || last == '\'' || last == '\u2019') || after != "" && f.separates(next) {
		return nil, false, false
	}
	var w wrapping
	w.read(before, true)
	w.read(after, false)
	wrapped := w.open == 1 && w.closed == 1
	switch {
	case w.doubt, w.open+w.closed > 0 && !wrapped, w.signs > 1, wrapped && w.signs > 0:
		return nil, false, false
	}
	return text[start:end], w.minus || wrapped, true
}

// separates says whether a character next to digits may belong to the number.
func (f *Field) separates(r rune) bool {
	return !unicode.IsSpace(r) && strings.ContainsRune(f.GroupChar, r) || strings.ContainsRune(f.DecimalChar, r) ||
		strings.ContainsRune(".,_\u00b7\u066b\u066c", r)
}

// wrapping is what stands around a number.
type wrapping struct {
	signs        int
	minus        bool // the sign is a minus
	open, closed int  // parentheses: opening before the number, closing after it
	doubt        bool // something else may change the sign or the value
}

func (w *wrapping) read(side string, before bool) {
	for word := range strings.FieldsFuncSeq(side, func(r rune) bool { return !unicode.IsLetter(r) }) {
		millions := !before && (word == "M" || word == "MM" || word == "B")
		w.doubt = w.doubt || millions || slices.Contains(meaningful, strings.ToLower(word))
	}
	// Blanks and parentheses do not part a sign from the start of the text, or from the number.
	ignored := func(r rune) bool { return blankRune(r) || r == '(' || r == '\uff08' }
	letter := false
	for i, r := range side {
		switch {
		case strings.ContainsRune(minusSigns, r), strings.ContainsRune(plusSigns, r):
			w.signs++
			w.minus = strings.ContainsRune(minusSigns, r)
			outer := strings.TrimFunc(side[:i], ignored) == ""
			inner := strings.TrimFunc(side[i+utf8.RuneLen(r):], ignored) == ""
			w.doubt = w.doubt || !before || !outer && !inner
		case r == '(' || r == '\uff08':
			w.open++
			w.doubt = w.doubt || !before
		case r == ')' || r == '\uff09':
			w.closed++
			w.doubt = w.doubt || before
		case blankRune(r), unicode.In(r, unicode.L, unicode.Sc), strings.ContainsRune(unitMarks, r):
		case letter && (unicode.IsMark(r) || r == '\u00b2' || r == '\u00b3'): // m2 and m3, with their exponents raised
		default:
			w.doubt = true
		}
		letter = unicode.IsLetter(r) || letter && unicode.IsMark(r)
	}
}

// blankRune says whether a character is invisible.
func blankRune(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) && r != '\u00ad' }
