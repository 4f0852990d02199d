package tableschema

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

func micros(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05.999999", text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

func TestCast(t *testing.T) {
	day := func(text string) int64 { return micros(t, text+"T00:00:00") / microsPerDay }
	at := func(text string) int64 { return micros(t, text) }
	clock := func(h, m, s, us int64) int64 { return ((h*60+m)*60+s)*1e6 + us }
	type cases map[string]any // text to value: int64, float64, bool, nil for "its text", error text otherwise
	for properties, table := range map[string]cases{
		`"type":"integer"`: {"0": int64(0), "-0": int64(0), "+5": int64(5), "007": int64(7), " 12\t": int64(12),
			"1e3": int64(1000),
			"1.0": int64(1), "5.": int64(5), "120e-1": int64(12), "0.00": int64(0), "0e99999999999": int64(0),
			"1.000000000000000000000000000000": int64(1),
			"9223372036854775807":              int64(math.MaxInt64), "-9223372036854775808": int64(math.MinInt64),
			"9223372036854775808": "64 bits", "-9223372036854775809": "64 bits", "1e19": "64 bits",
			"1e99999999999999999999": "64 bits", "99999999999999999999999": "64 bits",
			"1.5": "whole", ".5": "whole", "1e-99999999999999999999": "whole", "1_000": "not an integer",
			"0x10": "not an integer", "--1": "not an integer",
			"": "not an integer", "1 2": "not an integer", "1e": "not an integer", "e1": "not an integer", ".": "not an integer",
			"NaN": "not an integer", "12x": "not an integer", "1,000": "not an integer"},
		`"type":"integer","groupChar":","`: {"1,000,000": int64(1000000), "1.000": int64(1), "-1,000": int64(-1000),
			"-1,0": "group its digits"},
		`"type":"integer","bareNumber":false`: {"€95": int64(95), "EUR -95": int64(-95), "-€95": int64(-95), "95%": int64(95),
			"95-": "not", "abc": "not", "9 5": "not"},
		`"type":"number"`: {"1.5": 1.5, " 1.5 ": 1.5, ".5": 0.5, "5.": 5.0, "+5": 5.0, "-.5": -0.5, "1E+5": 1e5,
			"nan": math.NaN(), "NaN": math.NaN(), "INF": math.Inf(1), "-INF": math.Inf(-1),
			"Infinity": math.Inf(1), "+inf": math.Inf(1), "1e-400": 0.0, "1e400": "range", "-1e400": "range",
			"0x1p3": "not a number", "1_000": "not a number", ".": "not a number", "-": "not a number", "infin": "not a number",
			"+nan": "not a number", "1,5": "not a number",
			"123456789012345678901234567890": 123456789012345678901234567890.0, "9007199254740993": 9007199254740992.0,
			"0.1": 0.1},
		`"type":"number","decimalChar":",","groupChar":"."`: {"1.234,5": 1234.5, "1,5": 1.5, "-,5": -.5, "NaN": math.NaN()},
		`"type":"number","decimalChar":","`:                 {"1,5": 1.5, "1.5": "not a number", "1 234,5": "not a number"},
		`"type":"number","groupChar":" "`:                   {"1 234.5": 1234.5},
		`"type":"number","bareNumber":false`: {"$.50": 0.5, "12.5%": 12.5, "USD 1.5e3 only": 1500.0,
			"INF": math.Inf(1)},
		`"type":"number","decimal":{"precision":5,"scale":2}`: {"1.5": int64(150), "-1.25": int64(-125),
			"999.99": int64(99999), "1.500000": int64(150), "1e2": int64(10000), "125e-2": int64(125), ".01": int64(1),
			"0": int64(0), "1000": "more than 5 digits",
			"1.005": "more than 2 digits after", "NaN": "not a number", "x": "not a number"},
		`"type":"number","decimal":{"precision":18}`: {"999999999999999999": int64(999999999999999999),
			"1000000000000000000": "more than 18"},
		`"type":"boolean"`: {"true": true, "True": true, "TRUE": true, "1": true,
			"false": false, "False": false, "FALSE": false, "0": false, "yes": "not a boolean", "tRue": "not a boolean",
			" true": "not a boolean", "": "not a boolean"},
		`"type":"boolean","trueValues":["ja"],"falseValues":["nein"]`: {"ja": true, "nein": false, "true": "not a boolean"},
		`"type":"date"`: {"2024-02-29": day("2024-02-29"), " 1969-12-31 ": int64(-1), "0001-01-01": day("0001-01-01"),
			"9999-12-31": day("9999-12-31"), "1900-02-29": "calendar", "2000-02-29": day("2000-02-29"), "2023-02-29": "calendar",
			"2024-13-01": "calendar", "2024-00-01": "calendar", "2024-01-00": "calendar", "2024-04-31": "calendar",
			"2024-2-9": "not a date", "20240209": "not a date", "2024/02/09": "not a date", "2024-02-29T00:00:00": "not a date",
			"": "not a date", "２024-01-0": "not a date"},
		`"type":"date","format":"any"`: {"2024-02-29": day("2024-02-29"),
			"2024/02/29": day("2024-02-29"), "20240229": day("2024-02-29"), "29 Feb 2024": day("2024-02-29"),
			"February 29, 2024": day("2024-02-29"), "29.02.2024": "not a date", "2023-02-29": "calendar"},
		`"type":"date","format":"%d.%m.%Y"`: {"29.02.2024": day("2024-02-29"),
			"9.2.2024": day("2024-02-09"), "29.02.24": "format", "29.02.2023": "calendar", "29.02.2024x": "format",
			"32.01.2024": "format"},
		`"type":"date","format":"%d%m%Y"`: {"29022024": day("2024-02-29"), "31022024": "calendar",
			"3112024": "format", "3922024": "format", "4022024": day("2024-02-04")},
		`"type":"date","format":"%A, %d %B %y"`: {"Thursday, 29 february 24": day("2024-02-29"),
			"MONDAY, 1 May 69": day("1969-05-01"), "Monday, 1 May 68": day("2068-05-01"), "Mon, 1 May 68": "format"},
		`"type":"date","format":"%a %b %e %Y"`: {"Thu Feb  29 2024": day("2024-02-29"),
			"Thu Mai 29 2024": "format"},
		`"type":"date","format":"%Y/%j"`: {"2024/366": day("2024-12-31"), "2023/366": "calendar",
			"2024/1": day("2024-01-01")},
		`"type":"date","format":"%F%%"`:      {"2024-02-29%": day("2024-02-29")},
		`"type":"datetime","format":"%D %T"`: {"02/29/24 01:02:03": at("2024-02-29T01:02:03")},
		`"type":"datetime","format":"%d/%b/%Y:%H:%M:%S %z"`: {"10/Oct/2000:13:55:36 -0700": at("2000-10-10T20:55:36"),
			"10/Oct/2000:13:55:36 +01:00": at("2000-10-10T12:55:36"), "10/Oct/2000:13:55:36 x": "format"},
		`"type":"datetime","format":"%Y-%m-%d %I:%M:%S.%f %p %Z"`: {
			"2024-01-02 12:00:00.5 AM UTC":      at("2024-01-02T00:00:00.5"),
			"2024-01-02 12:30:00.123456 pm GMT": at("2024-01-02T12:30:00.123456"),
			"2024-01-02 13:00:00.5 AM UTC":      "format"},
		`"type":"time","format":"%R"`: {"9:05": clock(9, 5, 0, 0), "24:00": "format"},
		`"type":"datetime"`: {"2024-02-29T10:11:12": at("2024-02-29T10:11:12"),
			"2024-02-29 10:11:12": at("2024-02-29T10:11:12"), "2024-02-29T10:11": at("2024-02-29T10:11:00"),
			"2024-02-29T10:11:12.5":       at("2024-02-29T10:11:12.5"),
			"2024-02-29T10:11:12.9999999": at("2024-02-29T10:11:12.999999"), "1969-12-31T23:59:59.9999999": int64(-1),
			"2024-02-29T10:11:12Z": at("2024-02-29T10:11:12"), "2024-02-29T10:11:12+02:00": at("2024-02-29T08:11:12"),
			"2024-02-29T10:11:12-0830": at("2024-02-29T18:41:12"), "2024-02-29T23:11:12.5-02": at("2024-03-01T01:11:12.5"),
			"2024-02-29T24:00:00": "not a datetime", "2024-02-29T10:11:60": "not a datetime",
			"2024-02-29T10:60:00": "not a datetime", "2024-02-29": "not a datetime", "2024-02-29T10:11:12.": "not a datetime",
			"2024-02-29T10:11:12z": "not a datetime", "2024-02-29T10:11:12 UTC": "not a datetime",
			"2024-02-29T10:11:12+2": "not a datetime", "2024-02-29T10:11:12+02:60": "not a datetime",
			"2024-02-29T10:11:1": "not a datetime", "2023-02-29T10:11:12": "calendar", "2024-2-29T10:11:12": "not a datetime"},
		`"type":"datetime","format":"any"`: {"2024-02-29": at("2024-02-29T00:00:00"),
			"Mon, 02 Jan 2006 15:04:05 GMT": at("2006-01-02T15:04:05"), "2024/02/29 10:11:12": at("2024-02-29T10:11:12"),
			"20240229T101112Z": at("2024-02-29T10:11:12"), "soon": "not a datetime"},
		`"type":"time"`: {"10:11:12": clock(10, 11, 12, 0), "10:11": clock(10, 11, 0, 0),
			"10:11:12.123456789": clock(10, 11, 12, 123456), "24:00:00": "not a time", "1:2:3": "not a time",
			"10:11:12Z": "not a time", "10:11:": "not a time", "10": "not a time"},
		`"type":"time","format":"any"`: {"3:04:05 PM": clock(15, 4, 5, 0), "10:11:12": clock(10, 11, 12, 0)},
		`"type":"year"`: {"2024": int64(2024), "-0044": int64(-44), "12024": int64(12024),
			"24": "not a year", "02024": "not a year", "+2024": "not a year", "99999999999": "not a year", "-": "not a year"},
		`"type":"yearmonth"`: {"2024-02": int64(2024*12 + 1), "2024-13": "not a month",
			"2024": "not a month", "2024-2": "not a month", "24-02": "not a month"},
		`"type":"duration"`: {"P1Y2M3DT4H5M6.7S": nil, "-P1D": nil, "PT0S": nil, "P1M": nil, "PT1M": nil,
			"P": "not a duration", "PT": "not a duration", "P1YT": "not a duration", "P1H": "not a duration",
			"P1M1Y": "not a duration", "P1.5D": "not a duration", "PT1.S": "not a duration", "1D": "not a duration",
			"P1": "not a duration", "PT1H1H": "not a duration", "PTT1S": "not a duration", "": "not a duration"},
		`"type":"string"`: {"": nil, "x\n": nil},
		`"type":"string","format":"email"`: {"a.b+c@example.co.uk": nil, "ü@example.com": nil, "a@localhost": nil,
			"a@": "email", "@b": "email", "a@b@c": "email", "a b@c": "email", "a@b..c": "email", "a..b@c": "email",
			"a@-b": "email", "plain": "email", ".a@b": "email"},
		`"type":"string","format":"uri"`: {"https://example.com/x?y#z": nil, "urn:isbn:0451450523": nil,
			"mailto:a@b": nil, "example.com": "URI", "//x": "URI", "http://": "URI", "http://[::1": "URI"},
		`"type":"string","format":"uuid"`: {"123E4567-e89b-12d3-a456-426614174000": nil,
			"123e4567e89b12d3a456426614174000": "UUID", "123e4567-e89b-12d3-a456-42661417400g": "UUID"},
		`"type":"string","format":"binary"`: {"aGVsbG8=": nil, "": nil, "aGVsbG8": "base64", "aGVs\nbG8=": "base64"},
		`"type":"geopoint"`: {"90.50, 45.50": nil, "-180,90": nil, "181,0": "geopoint", "0,91": "geopoint",
			"1": "geopoint", "NaN,0": "geopoint", "a,b": "geopoint"},
		`"type":"geopoint","format":"array"`: {"[90.5, 45.5]": nil, "[1]": "geopoint", `[1,2,3]`: "geopoint",
			"1,2": "geopoint"},
		`"type":"geopoint","format":"object"`: {`{"lon": 90.5, "lat": 45.5}`: nil, `{"lon":1}`: "geopoint",
			`{"lon":1,"lat":2,"x":3}`: "geopoint", `{"x":1,"lat":2}`: "geopoint"},
		`"type":"object"`:                    {` {"a":1}`: nil, "[]": "JSON object", "{": "JSON object", "": "JSON object"},
		`"type":"array"`:                     {"[1, 2]": nil, "{}": "JSON array", "[1,]": "JSON array"},
		`"type":"geojson"`:                   {`{"type":"Point","coordinates":[1,2]}`: nil, "5": "JSON object"},
		`"type":"list","itemType":"integer"`: {"1,2": nil, "": nil, "1,,2": "itemType", "1;2": "itemType"},
		`"type":"list"`:                      {"a,,b": nil},
		`"type":"any"`:                       {"anything": nil},
		``:                                   {"anything": nil},
	} {
		f := one(t, strings.TrimSuffix(properties+",", ",")+comma(properties)+`"title":""`)
		for text, want := range table {
			v, err := f.Cast([]byte(text))
			var got any
			switch {
			case err != nil:
				if reason, ok := want.(string); !ok || !strings.Contains(err.Error(), reason) {
					t.Errorf("%s: %q: error %q, want %v", properties, text, err, want)
				}
				continue
			case f.Type == Boolean:
				got = v.Bool
			case f.inInt():
				got = v.Int
			case f.Type == Number:
				got = v.Float
			}
			if x, ok := want.(float64); ok && math.IsNaN(x) {
				want, got = "NaN", fmt.Sprint(got)
			}
			if got != want {
				t.Errorf("%s: %q = %v, want %v", properties, text, got, want)
			}
		}
	}
}

func comma(properties string) string {
	if properties == "" {
		return ""
	}
	return ","
}

func TestCastNumberIgnoresTheTextForm(t *testing.T) {
	f := one(t, `"type":"number","decimalChar":",","groupChar":"."`)
	if v, err := f.CastNumber([]byte("1.5")); err != nil || v.Float != 1.5 {
		t.Errorf("1.5 = %v, %v", v, err)
	}
	if _, err := one(t, `"type":"date"`).CastNumber([]byte("1")); err == nil {
		t.Error("a number is a date")
	}
	if v, err := one(t, `"type":"year"`).CastNumber([]byte("1999")); err != nil || v.Int != 1999 {
		t.Errorf("1999 = %v, %v", v, err)
	}
}

// parseExact against exact rational arithmetic.
func TestParseExactAgainstRationals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	digit := func(n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteByte("0123456789000"[r.IntN(13)])
		}
		return b.String()
	}
	for range 20000 {
		text := []string{"", "-", "+"}[r.IntN(3)] + digit(22)
		if r.IntN(2) == 0 {
			text += "." + digit(12)
		}
		if r.IntN(3) == 0 {
			text += "e" + strconv.Itoa(r.IntN(40)-20)
		}
		scale := r.IntN(5)
		got, err := parseExact([]byte(text), scale, math.MaxInt64)
		rat, ok := new(big.Rat).SetString(text)
		if !ok {
			if err != errInteger {
				t.Fatalf("%q: %d, %v", text, got, err)
			}
			continue
		}
		rat.Mul(rat, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		switch {
		case !rat.IsInt():
			if err != errWhole {
				t.Fatalf("%q scale %d: %d, %v, want errWhole", text, scale, got, err)
			}
		case !rat.Num().IsInt64():
			if err != errIntRange {
				t.Fatalf("%q scale %d: %d, %v, want errIntRange", text, scale, got, err)
			}
		case err != nil || got != rat.Num().Int64():
			t.Fatalf("%q scale %d: %d, %v, want %v", text, scale, got, err, rat.Num())
		}
	}
}

func TestDaysAgainstTime(t *testing.T) {
	for at := time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2110; at = at.AddDate(0, 0, 1) {
		got, ok := Days(at.Year(), int(at.Month()), at.Day())
		if !ok || got != at.Unix()/secondsPerDay {
			t.Fatalf("%s: %d, %v", at, got, ok)
		}
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{"a\"b\n": `"a\"b\n"`, "aüüü": `"aü"... (7 bytes)`,
		"\x80\x80\x80\x80\x80\x80": `""... (6 bytes)`} {
		if got := Quote([]byte(text), 4); got != want {
			t.Errorf("Quote(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ properties, good, bad string }{
		{`"type":"integer","constraints":{"minimum":3,"maximum":"5"}`, "3 4 5", "2 6"},
		{`"type":"integer","constraints":{"exclusiveMinimum":3,"exclusiveMaximum":5}`, "4", "3 5"},
		{`"type":"integer","constraints":{"minimum":3,"exclusiveMinimum":3}`, "4", "3"},
		{`"type":"integer","constraints":{"minimum":4,"exclusiveMinimum":3}`, "4", "3"},
		{`"type":"integer","constraints":{"maximum":3,"exclusiveMaximum":5}`, "3", "4"},
		{`"type":"integer","constraints":{"enum":[-1,0,63,64,200]}`, "-1 0 63 64 200", "-64 1 62 65 128 264"},
		{`"type":"integer","constraints":{"enum":[1,5,9],"minimum":2,"maximum":8}`, "5", "1 2 9"},
		{`"type":"integer","constraints":{"minimum":-9223372036854775808,"exclusiveMaximum":9223372036854775807}`,
			"-9223372036854775808 9223372036854775806", "9223372036854775807"},
		{`"type":"number","constraints":{"minimum":0.5,"maximum":1}`, "0.5 1", "0.49 1.01 NaN INF"},
		{`"type":"number","constraints":{"minimum":0.5}`, "0.5 INF", "NaN -INF"},
		{`"type":"number","constraints":{"maximum":0.5}`, "0.5 -INF", "NaN INF"},
		{`"type":"number","constraints":{"enum":[1.5,"2"]}`, "1.50 2.0", "1"},
		{`"type":"number","decimal":{"precision":9,"scale":2},"constraints":{"minimum":"0.5","enum":["0.50",7]}`, ".5 7.00",
			"0.49 8"},
		{`"type":"date","constraints":{"minimum":"2024-01-01"}`, "2024-01-01", "2023-12-31"},
		{`"type":"date","format":"%d.%m.%Y","constraints":{"maximum":"01.02.2024"}`, "1.2.2024", "02.02.2024"},
		{`"type":"datetime","constraints":{"exclusiveMaximum":"2024-01-01T00:00:00"}`, "2023-12-31T23:59:59.999999",
			"2024-01-01T00:00:00"},
		{`"type":"time","constraints":{"minimum":"08:00:00"}`, "08:00", "07:59:59"},
		{`"type":"year","constraints":{"minimum":2000,"maximum":"2010"}`, "2000 2010", "1999 2011"},
		{`"type":"yearmonth","constraints":{"minimum":"1999-12"}`, "1999-12 2000-01", "1999-11"},
		{`"type":"string","constraints":{"minLength":2,"maxLength":3}`, "ab üüü", "a abcd ü"},
		{`"type":"string","constraints":{"minLength":2}`, "ab \U0001f600\U0001f600 abcdefgh", "a ü \U0001f600"},
		{`"type":"string","constraints":{"maxLength":4}`, "a \U0001f600\U0001f600\U0001f600\U0001f600",
			"abcde \U0001f600\U0001f600\U0001f600\U0001f600\U0001f600"},
		{`"type":"string","constraints":{"pattern":"[a-z]+|x\\d"}`, "abc x1", "abc1 1abc X"},
		{`"type":"string","constraints":{"enum":["a","b"]}`, "a b", "c A"},
		{`"type":"string","constraints":{"enum":["a",5]},"categories":["a","q"]`, "a 5", "q"},
		{`"type":"string","categories":["a","q"]`, "a q", "b"},
		{`"type":"integer","categories":[{"value":0,"label":"x"},{"value":1}]`, "0 1", "2"},
		{`"type":"boolean","constraints":{"enum":[true]}`, "true 1", "false"},
		{`"type":"boolean","constraints":{"enum":["0"]}`, "False", "1"},
		{`"type":"array","constraints":{"minLength":1,"maxLength":2}`, "[1] [1,[2,3]]", "[] [1,2,3]"},
		{`"type":"object","constraints":{"minLength":1}`, `{"a":1}`, `{}`},
		{`"type":"object","constraints":{"enum":[{"a":1,"b":2}]}`, `{"b":2,"a":1}`, `{"a":1}`},
		{`"type":"list","constraints":{"maxLength":2}`, `a,b a`, `a,b,c`},
		{`"type":"list","constraints":{"maxLength":1}`, `a`, `,`},
		{`"type":"any","constraints":{"enum":["a",5]}`, `a "a" 5`, `b`},
		{`"type":"duration","constraints":{"enum":["P1D"]}`, `P1D`, `PT24H`},
	} {
		f := one(t, c.properties)
		if !f.Constrained() {
			t.Errorf("%s: not constrained", c.properties)
		}
		try := func(text string) error {
			v, err := f.Cast([]byte(text))
			if err != nil {
				t.Fatalf("%s: %q %v", c.properties, text, err)
			}
			return f.Check(v, []byte(text))
		}
		for text := range strings.FieldsSeq(c.good) {
			if err := try(text); err != nil {
				t.Errorf("%s: %q %v", c.properties, text, err)
			}
		}
		for text := range strings.FieldsSeq(c.bad) {
			if try(text) == nil {
				t.Errorf("%s: %q passes", c.properties, text)
			}
		}
	}
	if one(t, `"type":"integer","constraints":{"required":true}`).Constrained() {
		t.Error("required is a constraint for Check")
	}
}
