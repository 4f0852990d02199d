package infer

import (
	"bytes"
	"strconv"
	"strings"

	"dip/tableschema"
)

// class is what a text can be read as without a change of its value.
type class uint8

const (
	empty     class = iota
	missing         // one of the usual texts for no value
	boolean         // true or false
	integer         // within 64 bits
	long            // an integer beyond 64 bits
	number          // a double keeps it
	exact           // a double rounds it, 18 digits keep it
	precise         // neither keeps it
	special         // NaN, infinity
	code            // a number with leading zeros or a plus sign, as ids and telephone numbers have
	date            // yyyy-mm-dd
	datetime        // without an offset
	instant         // with an offset
	clock           // a time of day
	finer           // a time or datetime with digits beyond microseconds, which would be cut
	formatted       // a date, datetime or time in one of formats
	comma           // a number if the comma is a decimal or group character
	text            // anything else
	classes
)

// missingTexts are the usual texts for no value, besides the empty one. They are proposed as missing values only where
// all other values of the column have a type.
var missingTexts = []string{"NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", `\N`, "-"}

// format is a way to write a date, datetime or time other than the type's own.
type format struct {
	typ     tableschema.Type
	pattern string
	field   *tableschema.Field
}

// formats that are proposed, each with four-digit years. Which one a column has is known only if its values leave
// exactly one.
var formats = func() []format {
	var all []format
	clocks := []string{"%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p"}
	for _, d := range []string{"%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y",
		"%d %b %Y"} {
		all = append(all, format{typ: tableschema.Date, pattern: d})
		for _, c := range clocks {
			all = append(all, format{typ: tableschema.Datetime, pattern: d + " " + c})
		}
	}
	for _, c := range clocks[2:] {
		all = append(all, format{typ: tableschema.Time, pattern: c})
	}
	for i := range all {
		all[i].field = known(string(all[i].typ), all[i].pattern)
	}
	return all
}()

// known makes a field of a type and format that the schema language has.
func known(typ, pattern string) *tableschema.Field {
	s, err := tableschema.Parse([]byte(`{"fields":[{"name":"x","type":"` + typ + `","format":"` + pattern + `"}]}`))
	if err != nil {
		panic(err) // types and formats are this package's constants
	}
	return &s.Fields[0]
}

var (
	asNumber   = known("number", "default")
	asDate     = known("date", "default")
	asDatetime = known("datetime", "default")
	asTime     = known("time", "default")
)

// reading is a classified text.
type reading struct {
	class    class
	token    int    // missing: index in missingTexts
	formats  uint64 // formatted: set of indexes in formats
	digits   int    // numbers without an exponent: digits before the point
	scale    int    // and after it
	exponent bool
	rounded  bool // integer: a double would change it
}

// read classifies a text. Blanks around numbers, dates and times are not part of their value.
func read(b []byte) reading {
	if len(b) == 0 {
		return reading{class: empty}
	}
	for i, m := range missingTexts {
		if string(b) == m {
			return reading{class: missing, token: i}
		}
	}
	switch string(b) {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return reading{class: boolean}
	}
	b = bytes.Trim(b, " \t")
	if len(b) == 0 {
		return reading{class: text}
	}
	switch c := b[0]; {
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == ',':
		if r, ok := readNumber(b); ok {
			return r
		}
		if r, ok := readTemporal(b); ok {
			return r
		}
		if isComma(b) {
			return reading{class: comma}
		}
	}
	if v, err := asNumber.Cast(b); err == nil && (v.Float != v.Float || v.Float-v.Float != 0) {
		return reading{class: special}
	}
	return reading{class: text}
}

// readNumber classifies a decimal number; false when it is not one.
func readNumber(b []byte) (r reading, ok bool) {
	i, negative := 0, b[0] == '-'
	if b[0] == '-' || b[0] == '+' {
		i++
	}
	start := i
	i += countDigits(b[i:])
	r.digits = i - start
	point := i < len(b) && b[i] == '.'
	if point {
		i++
		r.scale = countDigits(b[i:])
		i += r.scale
	}
	if r.digits+r.scale == 0 {
		return r, false
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '-' || b[i] == '+') {
			i++
		}
		n := countDigits(b[i:])
		if i += n; n == 0 {
			return r, false
		}
		r.exponent = true
	}
	if i != len(b) {
		return r, false
	}
	kept := keptByDouble(b)
	switch {
	case b[0] == '+' || r.digits > 1 && b[start] == '0':
		r.class = code
	case !point && !r.exponent && !(negative && b[start] == '0'):
		r.class, r.rounded = integer, !kept
		if _, err := strconv.ParseInt(string(b), 10, 64); err != nil {
			r.class = long
		}
	case kept:
		r.class = number
	case !r.exponent && r.digits+r.scale <= 18:
		r.class = exact
	default:
		r.class = precise
	}
	return r, true
}

func countDigits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// keptByDouble says whether a decimal number reads back the same from a double: its digits are the fewest that tell the
// double from its neighbours, zeros at either end aside.
func keptByDouble(b []byte) bool {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return false
	}
	digits, exponent := significant(string(b))
	kept, keptExponent := significant(strconv.FormatFloat(f, 'e', -1, 64))
	return digits == kept && exponent == keptExponent
}

// significant takes a decimal number apart: 0.digits times ten to the exponent, without zeros at either end.
func significant(s string) (digits string, exponent int) {
	s = strings.TrimLeft(s, "+-")
	mantissa, power, _ := strings.Cut(strings.ToLower(s), "e")
	if power != "" {
		exponent, _ = strconv.Atoi(power) // beyond an int it is beyond a double too
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent += len(whole)
	digits = whole + fraction
	for strings.HasPrefix(digits, "0") {
		digits = digits[1:]
		exponent--
	}
	if digits = strings.TrimRight(digits, "0"); digits == "" {
		exponent = 0
	}
	return digits, exponent
}

// readTemporal classifies a date, time or datetime; false when it is none that is proposed.
func readTemporal(b []byte) (r reading, ok bool) {
	if _, err := asDate.Cast(b); err == nil {
		return reading{class: date}, true
	}
	if _, err := asTime.Cast(b); err == nil {
		return reading{class: orFiner(b, clock)}, true
	}
	if _, err := asDatetime.Cast(b); err == nil {
		if c := b[len(b)-1]; c == 'Z' || bytes.ContainsAny(b[len("yyyy-mm-dd"):], "+-") {
			return reading{class: orFiner(b, instant)}, true
		}
		return reading{class: orFiner(b, datetime)}, true
	}
	if len(b) > len("dd mmm yyyy hh:mm:ss pm")+2 {
		return r, false
	}
	for i := range formats {
		if _, err := formats[i].field.Cast(b); err == nil {
			r.formats |= 1 << i
		}
	}
	r.class = formatted
	return r, r.formats != 0
}

// orFiner is finer instead of c for a time with digits other than 0 beyond microseconds.
func orFiner(b []byte, c class) class {
	at := bytes.IndexByte(b, '.')
	if at < 0 {
		return c
	}
	fraction := b[at+1:]
	fraction = fraction[:countDigits(fraction)]
	if len(fraction) > 6 && len(bytes.Trim(fraction[6:], "0")) > 0 {
		return finer
	}
	return c
}

// isComma says whether a text is a number once its commas are read as decimal or group characters.
func isComma(b []byte) bool {
	if !bytes.ContainsRune(b, ',') || !bytes.ContainsAny(b, "0123456789") {
		return false
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != ',' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
