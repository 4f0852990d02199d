package record

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNDJSONRecords(t *testing.T) {
	const fields = `{"fields":[{"name":"a","type":"integer"},{"name":"s","type":"string"},{"name":"j"}]}`
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, data string
		want, bad  []string
	}{
		{"simple", `{"a":1,"s":"x","j":[1, 2.00]}` + "\n", []string{"1|x|[1, 2.00]"}, nil},
		{"no final line feed, CRLF, spaces", " {\"a\" : 1 }\r\n\t{ \"s\":\"x\"} ", []string{"1|NULL|NULL", "NULL|x|NULL"},
			nil},
		{"blank lines", "\n  \n\t\r\n{\"a\":null}\n\r", []string{"NULL|NULL|NULL"}, nil},
		{"null and missing", `{"a":null,"s":null,"j":null,"z":null}`, []string{"NULL|NULL|NULL"}, nil},
		{"any order, unknown keys", `{"z":{"a":5,"b":[true,false,null,-1.5e+3,"\u00e9"]},"j":"x","s":"y","a":3}`,
			[]string{`3|y|"x"`}, nil},
		{"escaped key", `{"\u0061":7}`, []string{"7|NULL|NULL"}, nil},
		{"keys keep their case", `{"A":7,"s":"x"}`, []string{"NULL|x|NULL"}, nil},
		{"another kind", `{}` + "\n" + `{"z":{"a":1,"s":"x"}}` + "\n" + `{"Z" : 0, "\u0041":7 }` + "\n" + `{"z":[],"S":{}}`,
			nil, []string{
				"! : has none of the schema's fields", "! : has none of the schema's fields",
				`! : has none of the schema's fields: its key "A" differs from "a" in case only`,
				`! : has none of the schema's fields: its key "S" differs from "s" in case only`}},
		{"escapes", `{"s":"\"\\\/\b\f\n\r\t\u00fc\ud83d\ude00\u0000é","j":"\u0041\n"}`,
			[]string{"NULL|\"\\/\b\f\n\r\tü😀\x00é|\"\\u0041\\n\""}, nil},
		{"empty string is a value", `{"s":"","j":""}`, []string{`NULL||""`}, nil},
		{"deep enough", `{"j":` + deep(511) + `,"z":` + deep(511) + `}`, []string{"NULL|NULL|" + deep(511)}, nil},
		{"too deep", `{"j":` + deep(512) + "}\n" + `{"z":` + deep(512) + `}`, nil, []string{
			"! : is not valid JSON at byte 516: nests deeper than 512",
			"! : is not valid JSON at byte 516: nests deeper than 512"}},
		{"no object", "5\n[1]\nnull\n\"x\"\ntrue\nx\n{\n", nil,
			[]string{"! : is a number, want an object", "! : is an array, want an object",
				"! : is null, want an object", "! : is a string, want an object", "! : is a boolean, want an object",
				`! : is not a JSON object: "x"`,
				"! : is not valid JSON at byte 1: want a key in quotes"}},
		{"two objects on a line", `{"a":1} {"a":2}`, nil, []string{"! : has data after its object, at byte 8"}},
		{"repeated key", `{"a":1,"s":"x","a":1}` + "\n" + `{"a":null,"a":null}` + "\n" + `{"j":0,"z":1,"z":2}`,
			[]string{"NULL|NULL|0"}, []string{`! a: has the key "a" twice`, `! a: has the key "a" twice`}},
		{"invalid UTF-8", "{\"z\":\"\xff\"}", nil, []string{"! : invalid UTF-8 at byte 6 of the record"}},
		{"wrong types", `{"a":"x"}` + "\n" + `{"a":true}` + "\n" + `{"a":[]}` + "\n" + `{"s":5}` + "\n" + `{"s":{}}` + "\n" +
			`{"s":false}` + "\n" + `{"a":1.5}` + "\n" + `{"a":9223372036854775808}`, nil, []string{
			`! a: "x" is not an integer`, "! a: is a boolean, want an integer", "! a: is an array, want an integer",
			"! s: is a number, want a string",
			"! s: is an object, want a string", "! s: is a boolean, want a string", `! a: "1.5" is not a whole number`,
			`! a: "9223372036854775808" does not fit 64 bits`}},
		{"whole numbers", `{"a":5.0}` + "\n" + `{"a":1e3}` + "\n" + `{"a":-0}` + "\n" + `{"a":" 12 "}` + "\n" + `{"a":""}` +
			"\n" + `{"a":999999999999999999}`, []string{"5|NULL|NULL", "1000|NULL|NULL", "0|NULL|NULL", "12|NULL|NULL",
			"NULL|NULL|NULL", "999999999999999999|NULL|NULL"}, nil},
	} {
		p := mustParser(t, fields, jsonDialect, Options{})
		got, bad := outcomes(t, p, c.data)
		if !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 || !slices.Equal(bad, c.bad) {
			t.Errorf("%s: %q\n got %q %q\nwant %q %q", c.name, c.data, got, bad, c.want, c.bad)
		}
	}
}

// Invalid JSON is rejected wherever it is.
func TestNDJSONGrammar(t *testing.T) {
	for _, value := range []string{"", "01", "-", "1.", ".5", "+1", "1e", "1e+", "0x1", "tru", "truex", "nul", "NaN",
		"Infinity", "'x'", `"x`, "\"\x01\"", "\"\t\"",
		`"\q"`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\udc00"`, `"\ud800\u0041"`,
		`"\ud800x"`, `"\ud800\n"`, `"\ud800xxdc00"`, `"\ud800\xdc00"`, `"\`,
		"[1,]", "[,1]", "[1 2]", "[", "{", `{"a"}`, `{"a":}`, `{"a":1,}`,
		`{,}`, `{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, "]", "1 2", "\u00a0"} {
		for _, record := range []string{`{"s":%s}`, `{"z":%s}`, `{"j":%s}`, `{"o":{"x":%s}}`, `{"o":{"y":%s}}`, `{"a":%s}`,
			`{"b":%s}`, `{"d":%s}`, `{"z":[%s]}`, `{"z":{"z":%s}}`} {
			if value == "" && record == `{"z":[%s]}` {
				continue
			}
			p := mustParser(t, `{"fields":[{"name":"s","type":"string"},{"name":"j"},
				{"name":"x","type":"number","path":"o.x"},{"name":"a","type":"integer"},
				{"name":"b","type":"boolean"},{"name":"d","type":"datetime"}]}`, jsonDialect, Options{})
			line := fmt.Sprintf(record, value)
			if got, bad := outcomes(t, p, line+"\n"); len(got) > 0 || len(bad) != 1 {
				t.Errorf("%s: %q %q", line, got, bad)
			}
		}
	}
}

func TestNDJSONPaths(t *testing.T) {
	p := mustParser(t, `{"fields":[{"name":"id","type":"integer","path":"actor.id"},{"name":"actor"},
		{"name":"x","path":"a.b.c","type":"string"},
		{"name":"y","path":"a.b.d","type":"string"},{"name":"a.b","type":"string"}]}`, jsonDialect, Options{})
	got, bad := outcomes(t, p, strings.Join([]string{
		`{"actor":{"login":"q","id":3},"a":{"b":{"c":"1","e":0,"d":"2"}},"a.b":"dotted"}`,
		`{"actor":null,"a":null}`,
		`{"actor":5}`,
		`{"actor":{}, "a":{}}`,
		`{"a":{"b":5}}`,
		`{"a":[]}`,
		`{"a":{"b":{}},"a":{"b":{"c":"x"}}}`,
		`{"actor":{"id":1,"id":2}}`,
		`{"a":{"b":{"c":1}}}`,
		`{"a":{"b":{"e":1}}}`,
		`{"a":{"b":null}}`,
		`{"A":{"b":{"c":"x"}}}`,
	}, "\n"))
	want := []string{`3|{"login":"q","id":3}|1|2|dotted`, "NULL|NULL|NULL|NULL|NULL", "NULL|5|NULL|NULL|NULL",
		"NULL|{}|NULL|NULL|NULL", "NULL|NULL|NULL|NULL|NULL"}
	wantBad := []string{`! : "a.b" is a number, want an object`, `! : "a" is an array, want an object`,
		`! : has the key "a" twice`, `! id: has the key "actor.id" twice`, "! x: is a number, want a string",
		"! : has none of the schema's fields",
		`! : has none of the schema's fields: its key "A" differs from "a" in case only`}
	if !slices.Equal(got, want) || !slices.Equal(bad, wantBad) {
		t.Errorf("got %q\n%q", got, bad)
	}
}

func TestNDJSONManyKeys(t *testing.T) {
	var fields, reversed, want []string
	for i := range 3 * manyKeys {
		fields = append(fields, fmt.Sprintf(`{"name":"f%d","type":"integer"}`, i))
		reversed = append(reversed, fmt.Sprintf(`"f%d":%d,"other%d":0`, i, i, i))
		want = append(want, fmt.Sprint(i))
	}
	slices.Reverse(reversed)
	p := mustParser(t, `{"fields":[`+strings.Join(fields, ",")+`]}`, jsonDialect, Options{})
	got, bad := outcomes(t, p, "{"+strings.Join(reversed, ",")+"}\n")
	if !slices.Equal(got, []string{strings.Join(want, "|")}) || bad != nil {
		t.Errorf("got %q %q", got, bad)
	}
}

func TestNDJSONValues(t *testing.T) {
	for _, c := range []struct{ properties, values, want string }{
		// Values are separated by a space; ~ stands for a space. Wanted: the value, NULL, or ! and the start of the reason.
		{`"type":"number"`, `1.5 -2 1E5 0.1 1e400 "1.5" "NaN" "" "x" 123456789012345678901 -0.0`,
			`1.5 -2 100000 0.1 !"1e400"~is~beyond 1.5 NaN NULL !"x" 1.2345678901234568e+20 -0`},
		{`"type":"number","decimalChar":",","groupChar":"."`, `1.5 "1.000,5"`, `1.5 1000.5`},
		{`"type":"number","decimal":{"precision":5,"scale":2}`, `1.5 "1.50" 1000 1.005`, `150 150 !"1000"~has !"1.005"~has`},
		{`"type":"boolean"`, `true false "true" "0" 1 "" {}`,
			`true false true false !is~a~number,~want~a~boolean NULL !is~an~object`},
		{`"type":"boolean","constraints":{"enum":[true]}`, `true false`, `true !false~is~not~one~of`},
		{`"type":"date"`, `"1970-01-02" 5 "2023-02-29" ""`,
			`1 !is~a~number,~want~a~date !"2023-02-29"~is~not~a~calendar~day NULL`},
		{`"type":"datetime","timezone":"UTC"`,
			`"1970-01-01T00:00:01Z" "1970-01-01T00:00:01" "1970-01-01T00:00:01.25+00:00" "1970-01-01T00:00:01\u005a" "1970"`,
			`1000000 1000000 1250000 1000000 !"1970"~is~not~a~datetime`},
		{`"type":"datetime","constraints":{"minimum":"1970-01-01T00:00:01"}`, `"1970-01-01T00:00:01Z" "1970-01-01T00:00:00Z"`,
			`1000000 !"1970-01-01T00:00:00Z"~is~less`},
		{`"type":"time"`, `"00:00:01"`, `1000000`},
		{`"type":"year"`, `2024 "2024" 24 2024.0`, `2024 2024 !"24"~is~not~a~year !"2024.0"~is~not~a~year`},
		{`"type":"object"`, `{"b":~[1]} [] "{}" {} null`,
			`{"b":~[1]} !is~an~array,~want~an~object !is~a~string,~want~an~object {} NULL`},
		{`"type":"object","constraints":{"minLength":1}`, `{"b":1} {}`, `{"b":1} !"{}"~is~shorter`},
		{`"type":"array"`, `[1,{}] {} 5`, `[1,{}] !is~an~object,~want~an~array !is~a~number`},
		{`"type":"geojson"`, `{"type":"Point"} 5`, `{"type":"Point"} !is~a~number`},
		{`"type":"any"`, `5 "5" {} [] true null 1.50`, `5 "5" {} [] true NULL 1.50`},
		{`"type":"any","missingValues":["NA"]`, `"NA" "\u004eA" "" NA`, `NULL NULL "" !`},
		{`"type":"any","constraints":{"required":true},"missingValues":["NA"]`, `1 "NA"`, `1 !is~required`},
		{`"type":"string"`, `"" "x"`, ` x`},
		{`"type":"string","missingValues":["","NA"]`, `"" "NA" "x"`, `NULL NULL x`},
		{`"type":"string","constraints":{"required":true}`, `"" null`, ` !is~required`},
		{`"type":"string","constraints":{"minLength":1}`, `"a" ""`, `a !""~is~shorter`},
		{`"type":"string","format":"uuid"`, `"123e4567-e89b-12d3-a456-426614174000" "" "x"`,
			`123e4567-e89b-12d3-a456-426614174000 !""~is~not~a~UUID !"x"`},
		{`"type":"duration"`, `"P1D" "" 5`, `P1D NULL !is~a~number`},
		{`"type":"geopoint","format":"array"`, `[1,2] "[1,2]" {} [1]`, `[1,2] [1,2] !is~an~object !"[1]"~is~not~a~geopoint`},
		{`"type":"geopoint","format":"object"`, `{"lon":1,"lat":2} [] {"lon":1}`,
			`{"lon":1,"lat":2} !is~an~array !"{\"lon\":1}"~is~not`},
		{`"type":"list"`, `"a,b" ["a"]`, `a,b !is~an~array`},
		{`"type":"integer","constraints":{"maximum":5}`, `5 6 "6" null`, `5 !"6"~is~greater !"6"~is~greater NULL`},
		{`"type":"integer","missingValues":["-1"]`, `-1 "-1" "" 2`, `-1 NULL !""~is~not~an~integer 2`},
	} {
		p := mustParser(t, `{"fields":[{"name":"k","type":"string"},{"name":"x",`+c.properties+`}]}`, jsonDialect, Options{})
		want := strings.Split(c.want, " ")
		for i, v := range strings.Split(c.values, " ") {
			got, bad := outcomes(t, p, `{"k":"k","x":`+strings.ReplaceAll(v, "~", " ")+`}`)
			expect := strings.ReplaceAll(want[i], "~", " ")
			if reason, isBad := strings.CutPrefix(expect, "!"); isBad {
				if len(bad) != 1 || reason != "" && !strings.HasPrefix(bad[0], "! x: "+reason) {
					t.Errorf("%s: %s: %q %q, want %q", c.properties, v, got, bad, expect)
				}
			} else if !slices.Equal(got, []string{"k|" + expect}) {
				t.Errorf("%s: %s: %q %q, want %q", c.properties, v, got, bad, expect)
			}
		}
	}
}

func TestNDJSONRequiredMissing(t *testing.T) {
	p := mustParser(t, `{"fields":[{"name":"x","type":"integer","constraints":{"required":true}},{"name":"y"}]}`,
		jsonDialect, Options{})
	want := []string{"! x: is required, but has no value",
		`! x: is required, but has no value: its key "X" differs from "x" in case only`,
		"! x: is required, but has no value"}
	got, bad := outcomes(t, p, "{\"y\":0}\n{\"x\":1}\n{\"y\":0,\"X\":1}\n{\"X\":1,\"x\":null}\n")
	if !slices.Equal(got, []string{"1|NULL"}) || !slices.Equal(bad, want) {
		t.Errorf("got %q %q", got, bad)
	}
}
