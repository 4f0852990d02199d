package record

import (
	"strings"
	"unicode/utf8"

	"dip/tableschema"
)

// form is which fast scanner a field's values are tried with before the general path.
type form uint8

const (
	formGeneral form = iota // none
	formSkip                // a CSV column without a field
	formText                // any text is a value
	formInt
	formFloat
	formDecimal
	formDate
	formInstant
	formLetter // a boolean written as one character
)

// field is a schema's field, compiled.
type field struct {
	tableschema.Field
	Type
	form    form
	check   bool // there are constraints
	nothing bool // the empty text is null, and null is allowed
	dates   dates
	letters *[256]byte // formLetter: letterTrue, letterFalse, or 0
	// instants says which forms of formInstant are values as they stand: [blank instead of T][Z behind].
	instants [2][2]bool
}

// fastForm picks the scanner. A field has none when its texts are shaped by the schema, or when a text that stands
// for null would look like a value to the scanner.
func (f *field) fastForm() form {
	for _, m := range f.MissingValues {
		if m == "" || f.Kind == String || !strings.ContainsAny(m[:1], "-.0123456789") {
			continue
		}
		if _, err := f.Cast([]byte(m)); err == nil {
			return formGeneral
		}
	}
	plain := f.PlainNumber() && f.Field.Type != tableschema.Year
	switch {
	case f.Kind == String && (f.Field.Type == tableschema.String || f.Field.Type == tableschema.Any) &&
		f.Format == "default":
		return formText
	case f.Kind == Int64 && plain:
		return formInt
	case f.Kind == Float64 && plain:
		return formFloat
	case f.Kind == Decimal && plain:
		return formDecimal
	case f.ReadsISODate():
		return formDate
	case f.compileInstants():
		return formInstant
	case f.compileLetters():
		return formLetter
	}
	return formGeneral
}

// compileInstants fills instants, and says whether the scanner is of use for any form.
func (f *field) compileInstants() bool {
	for blank, separator := range []byte("T ") {
		f.instants[blank] = [2]bool{f.ReadsISODatetime(separator, false), f.ReadsISODatetime(separator, true)}
	}
	return f.instants != [2][2]bool{}
}

// What letters says of a character.
const (
	letterTrue = 1 + iota
	letterFalse
)

// compileLetters fills letters, and says whether there are any.
func (f *field) compileLetters() (any bool) {
	if f.Field.Type != tableschema.Boolean {
		return false
	}
	f.letters = &[256]byte{}
	for value, texts := range [][]string{letterTrue: f.TrueValues, letterFalse: f.FalseValues} {
		for _, text := range texts {
			if len(text) != 1 || text == "\n" || text == "\r" || text[0] >= utf8.RuneSelf {
				continue
			}
			if f.letters[text[0]] == 0 && !f.Missing([]byte(text)) {
				f.letters[text[0]] = byte(value)
				any = true
			}
		}
	}
	return any
}

// instant scans a datetime at b[i] in a form that the field's format takes.
func (f *field) instant(b []byte, i int) (micros int64, end int) {
	micros, end = f.dates.instant(b, i)
	if end == 0 {
		return 0, 0
	}
	blank, zulu := 0, 0
	if b[i+10] == ' ' {
		blank = 1
	}
	if b[end-1] == 'Z' {
		zulu = 1
	}
	if !f.instants[blank][zulu] {
		return 0, 0
	}
	return micros, end
}
