package tableschema

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"unicode/utf8"
)

// Value is a cast value. Which member holds it depends on the field:
//
//	Int    integer; year; yearmonth (months since year 0); number with Decimal (unscaled);
//	       date (days since 1970-01-01); time (microseconds since midnight);
//	       datetime (microseconds since 1970-01-01T00:00:00)
//	Float  number without Decimal
//	Bool   boolean
//
// The value of every other type is its text.
type Value struct {
	Int   int64
	Float float64
	Bool  bool
}

// inInt says that Value.Int holds the field's values.
func (f *Field) inInt() bool {
	switch f.Type {
	case Integer, Year, Yearmonth, Date, Time, Datetime:
		return true
	}
	return f.Type == Number && f.Decimal != nil
}

// structured says that the field's text is JSON, whatever the input's encoding.
func (f *Field) structured() bool { return f.Type == Array || f.Type == Object || f.Type == Geojson }

func (f *Field) article() string {
	switch f.Type {
	case Integer, Array, Object:
		return "an " + string(f.Type)
	case Any:
		return "a value"
	}
	return "a " + string(f.Type)
}

// Errors of Cast. Each reads as the end of a sentence that begins with the value, and does not repeat it.
var (
	errInteger   = errors.New("is not an integer")
	errWhole     = errors.New("is not a whole number")
	errNumber    = errors.New("is not a number")
	errGroups    = errors.New("does not group its digits as the schema says")
	errWrapping  = errors.New("is not a number, or has text around it that may change its sign or value")
	errIntRange  = errors.New("does not fit 64 bits")
	errRange     = errors.New("is beyond the range of a double")
	errBoolean   = errors.New("is not a boolean")
	errDate      = errors.New("is not a date (yyyy-mm-dd)")
	errNoDay     = errors.New("is not a calendar day")
	errTime      = errors.New("is not a time (hh:mm:ss)")
	errDatetime  = errors.New("is not a datetime (yyyy-mm-ddThh:mm:ss)")
	errYear      = errors.New("is not a year (yyyy)")
	errYearmonth = errors.New("is not a month of a year (yyyy-mm)")
	errDuration  = errors.New("is not a duration (PnYnMnDTnHnMnS)")
	errEmail     = errors.New("is not an email address")
	errURI       = errors.New("is not a URI")
	errUUID      = errors.New("is not a UUID")
	errBase64    = errors.New("is not base64")
	errGeopoint  = errors.New("is not a geopoint")
	errObject    = errors.New("is not a JSON object")
	errArray     = errors.New("is not a JSON array")
	errPattern   = errors.New("does not match the field's format")
	errItem      = errors.New("has an item that does not match the list's itemType")
)

// Missing says whether a text stands for null.
func (f *Field) Missing(text []byte) bool {
	for _, m := range f.MissingValues {
		if string(text) == m {
			return true
		}
	}
	return false
}

// Cast reads a text that is not missing and is valid UTF-8. It checks no constraints. The error reads as the
// end of a sentence that begins with the text.
//
// Format "any" takes, in addition to the default forms: dates as yyyy/mm/dd, yyyymmdd, "2 Jan 2006" and "Jan 2, 2006";
// datetimes of these dates with a default time, RFC 1123 and RFC 850 datetimes, dates alone (midnight); times as
// hh:mm:ss AM.
func (f *Field) Cast(text []byte) (Value, error) {
	switch f.Type {
	case Integer:
		return f.castNumeric(text)
	case Number:
		return f.castNumeric(text)
	case Boolean:
		for _, v := range f.TrueValues {
			if string(text) == v {
				return Value{Bool: true}, nil
			}
		}
		for _, v := range f.FalseValues {
			if string(text) == v {
				return Value{}, nil
			}
		}
		return Value{}, errBoolean
	case Date, Datetime, Time:
		return f.castTemporal(trim(text))
	case Year:
		n, err := parseYear(trim(text))
		return Value{Int: n}, err
	case Yearmonth:
		n, err := parseYearmonth(trim(text))
		return Value{Int: n}, err
	default:
		return Value{}, f.validate(text)
	}
}

// CastNumber reads a JSON number of an integer, number or year: no schema property changes its form.
func (f *Field) CastNumber(text []byte) (Value, error) {
	switch f.Type {
	case Integer:
		n, err := parseExact(text, 0, math.MaxInt64)
		return Value{Int: n}, err
	case Number:
		return f.number(text)
	case Year:
		n, err := parseYear(text)
		return Value{Int: n}, err
	}
	return Value{}, fmt.Errorf("is not %s", f.article())
}

// validate checks the types whose value is their text.
func (f *Field) validate(text []byte) error {
	ok, err := true, error(nil)
	switch f.Type {
	case String:
		switch f.Format {
		case "email":
			ok, err = isEmail(text), errEmail
		case "uri":
			u, parseErr := url.Parse(string(text))
			ok, err = parseErr == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "" || u.Path != ""), errURI
		case "uuid":
			ok, err = isUUID(text), errUUID
		case "binary":
			_, decodeErr := base64.StdEncoding.Strict().AppendDecode(nil, text)
			ok, err = decodeErr == nil && bytes.IndexByte(text, '\n') < 0, errBase64
		}
	case Duration:
		ok, err = isDuration(text), errDuration
	case Geopoint:
		ok, err = f.isGeopoint(text), errGeopoint
	case Object, Geojson:
		ok, err = json.Valid(text) && trimJSON(text)[0] == '{', errObject
	case Array:
		ok, err = json.Valid(text) && trimJSON(text)[0] == '[', errArray
	case List:
		ok, err = f.isList(text), errItem
	}
	if ok {
		return nil
	}
	return err
}

func (f *Field) isList(text []byte) bool {
	if f.item.Type == String || len(text) == 0 {
		return true
	}
	for item := range bytes.SplitSeq(text, []byte(f.Delimiter)) {
		if _, err := f.item.Cast(item); err != nil {
			return false
		}
	}
	return true
}

// trim drops the spaces and tabs around a text.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func trimJSON(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// isEmail asks for one @ between a local part and a dotted or single-label domain, and nothing that needs quoting.
func isEmail(text []byte) bool {
	at := bytes.IndexByte(text, '@')
	if at <= 0 || at == len(text)-1 || bytes.IndexByte(text[at+1:], '@') >= 0 {
		return false
	}
	for _, c := range text {
		if c <= ' ' || c == 0x7f || bytes.IndexByte([]byte(`"(),:;<>[\]`), c) >= 0 {
			return false
		}
	}
	for part := range bytes.SplitSeq(text[at+1:], []byte(".")) {
		if len(part) == 0 || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
	}
	return text[0] != '.' && text[at-1] != '.' && !bytes.Contains(text, []byte(".."))
}

func isUUID(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
			return false
		}
	}
	return true
}

func (f *Field) isGeopoint(text []byte) bool {
	var lon, lat float64
	switch f.Format {
	case "array":
		var p []json.Number
		if json.Unmarshal(text, &p) != nil || len(p) != 2 {
			return false
		}
		return position(string(p[0]), string(p[1]), &lon, &lat)
	case "object":
		var p map[string]json.Number
		if json.Unmarshal(text, &p) != nil || len(p) != 2 {
			return false
		}
		return position(string(p["lon"]), string(p["lat"]), &lon, &lat)
	}
	before, after, ok := bytes.Cut(text, []byte(","))
	return ok && position(string(trim(before)), string(trim(after)), &lon, &lat)
}

func position(x, y string, lon, lat *float64) bool {
	var err, err2 error
	*lon, err = strconv.ParseFloat(x, 64)
	*lat, err2 = strconv.ParseFloat(y, 64)
	return err == nil && err2 == nil && math.Abs(*lon) <= 180 && math.Abs(*lat) <= 90
}

// Quote shows a value in a message: at most limit bytes of it, in quotes, with what is not printable escaped.
func Quote(text []byte, limit int) string {
	if len(text) <= limit {
		return strconv.Quote(string(text))
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%s... (%d bytes)", strconv.Quote(string(text[:cut])), len(text))
}
