package tableschema

import (
	"slices"
	"strings"
	"testing"
)

// one parses a schema of a single field, given as its properties without the name.
func one(t *testing.T, properties string) *Field {
	t.Helper()
	s, err := Parse([]byte(`{"fields":[{"name":"x",` + properties + `}]}`))
	if err != nil {
		t.Fatalf("%s: %v", properties, err)
	}
	return &s.Fields[0]
}

func TestParseDefaults(t *testing.T) {
	s, err := Parse([]byte("\ufeff" +
		`{"$schema":"https://datapackage.org/profiles/2.0/tableschema.json","title":1,"fields":[
		{"name":"a","title":5,"rdfType":"x","custom":{}},
		{"name":"b","type":"number","missingValues":["-"]},
		{"name":"c","type":"string","constraints":{"unique":true}},
		{"name":"d","type":"list","itemType":"integer","delimiter":";"},
		{"name":"e","type":"date","format":"fmt:%d.%m.%Y"}],
		"primaryKey":"a","uniqueKeys":[["a","b"]],"foreignKeys":[],` +
		`"missingValues":[{"value":"NA","label":"none"},{"value":""}]}`))
	if err != nil {
		t.Fatal(err)
	}
	a, b := s.Fields[0], s.Fields[1]
	if a.Type != Any || a.Format != "default" || !a.Required || !slices.Equal(a.Path, []string{"a"}) {
		t.Errorf("a = %+v", a)
	}
	if !slices.Equal(a.MissingValues, []string{"NA", ""}) || !a.StatedMissing ||
		!slices.Equal(b.MissingValues, []string{"-"}) {
		t.Errorf("missing values %q, %q", a.MissingValues, b.MissingValues)
	}
	if s.Match != Exact || s.Fields[4].Format != "%d.%m.%Y" || s.Fields[2].Required {
		t.Errorf("schema = %+v", s)
	}
	if want := []string{"fields[2].constraints.unique", "primaryKey", "uniqueKeys"}; !slices.Equal(s.Unenforced(), want) {
		t.Errorf("unenforced = %q, want %q", s.Unenforced(), want)
	}
}

func TestDefaultMissingValues(t *testing.T) {
	f := one(t, `"type":"string"`)
	if !f.Missing(nil) || f.Missing([]byte("x")) || f.StatedMissing {
		t.Errorf("missing values = %q, stated %v", f.MissingValues, f.StatedMissing)
	}
	f = one(t, `"missingValues":[]`)
	if f.Missing(nil) || !f.StatedMissing {
		t.Error("an empty list still has a missing value")
	}
}

func TestParseReportsEverything(t *testing.T) {
	_, err := Parse([]byte(`{"fieldsMatch":"some","primaryKey":["nope"],"missingValues":[{"label":"x"}],"fields":[
		{"type":"integer"},
		{"name":"b","type":"int"},
		{"name":"c","type":"date","constraints":{"minimum":"2024-02-30","pattern":"x","minLength":1,"colour":1}},
		{"name":"c","type":"integer","constraints":{"minimum":5,"maximum":4,"enum":["x"],"jsonSchema":{}}},
		{"name":"e","type":"string","format":"phone","decimal":{"precision":5},"constraints":{"pattern":"(","minLength":-1}},
		{"name":"f","type":"number","decimal":{"precision":19,"scale":20,"digits":1},"groupChar":"..","decimalChar":"5"},
		{"name":"g","type":"datetime","format":"%Y-%Q","timezone":"CET","path":"a..b"},
		{"name":"h","type":"boolean","trueValues":["1"],"falseValues":["1"]},
		{"name":"i","type":"list","itemType":"object","delimiter":""},
		{"name":"j","type":"object","categories":["a"]},
		{"name":"k","type":"string","format":"%d"},
		{"name":"","type":7},
		5]}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`fieldsMatch: unknown match "some"`,
		`primaryKey[0]: "nope" is not a field`,
		`missingValues[0].value: missing`,
		`fields[0].name: missing`,
		`fields[1].type: unknown type "int": want one of any, array, boolean, date, datetime,`,
		`fields[2].constraints.minimum: "2024-02-30" is not a calendar day`,
		`fields[2].constraints.pattern: only for strings`,
		`fields[2].constraints.minLength: type date has no length`,
		`fields[2].constraints.colour: unknown constraint`,
		`fields[3].name: "c" is also the name of fields[2]`,
		`fields[3].constraints: the minimum is above the maximum`,
		`fields[3].constraints.enum[0]: "x" is not an integer`,
		`fields[3].constraints.jsonSchema: not supported`,
		`fields[4].format: unknown format "phone" of type string: want one of default, email, uri, uuid, binary`,
		`fields[4].decimal: only for numbers`,
		`fields[4].constraints.pattern: "(":`,
		`fields[4].constraints.minLength: -1: want 0 or more`,
		`fields[5].decimal.precision: want 1 to 18`,
		`fields[5].decimal.scale: 20: want 0 to precision`,
		`fields[5].decimal.digits: unknown`,
		`fields[5].groupChar: "..": want one character`,
		`fields[5].decimalChar: "5": want one character`,
		`fields[6].format: "%Y-%Q": unknown directive %Q`,
		`fields[6].timezone: "CET"`,
		`fields[6].path: "a..b"`,
		`fields[7].falseValues: "1" is also in trueValues`,
		`fields[8].itemType: unknown item type "object"`,
		`fields[8].delimiter: empty`,
		`fields[9].categories: only for strings and integers`,
		`fields[10].format: unknown format "%d" of type string`,
		`fields[11].name: empty`,
		`fields[11].type: 7: want a string`,
		`fields[12]: 5: want an object`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

func TestParseRejectsWholes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`[]`, "want a JSON object"},
		{`{`, "want a JSON object"},
		{`{}`, "fields: missing"},
		{`{"fields":[]}`, "fields: empty"},
		{`{"fields":{}}`, "fields: {}: want an array"},
		{`{"fields":[null]}`, "fields[0]: null: want an object"},
		{`{"fields":[{"name":"a","path":"x.y"},{"name":"b","path":"x.y"}]}`,
			"fields[1].path: \"x.y\" is also the path of fields[0]"},
		{`{"fields":[{"name":"a","type":"date","format":"%Y"}]}`, "needs a year"},
		{`{"fields":[{"name":"a","type":"time","format":"%H %Y"}]}`, "a time has no date directives"},
		{`{"fields":[{"name":"a","type":"date","format":"%Y%m%d%H"}]}`, "a date has no directives of time"},
		{`{"fields":[{"name":"a","type":"time","format":"%I"}]}`, "%I needs %p"},
		{`{"fields":[{"name":"a","type":"time","format":"%M"}]}`, "needs an hour"},
		{`{"fields":[{"name":"a","type":"time","format":"iso"}]}`, "unknown format"},
		{`{"fields":[{"name":"a","type":"time","format":"%H%"}]}`, "ends in %"},
		{`{"fields":[{"name":"a","type":"number","groupChar":"."}]}`, "is also the decimalChar"},
		{`{"fields":[{"name":"a","type":"string","constraints":{"minLength":2,"maxLength":1}}]}`,
			"minLength is above maxLength"},
		{`{"fields":[{"name":"a","type":"string","constraints":{"enum":[]}}]}`, "no value would be allowed"},
		{`{"fields":[{"name":"a","type":"duration","constraints":{"minimum":"P1D"}}]}`, "not supported for type duration"},
		{`{"fields":[{"name":"a","type":"boolean","constraints":{"enum":[{}]}}]}`, "is not a boolean"},
		{`{"fields":[{"name":"a","type":"string","constraints":{"required":"yes"}}]}`,
			`fields[0].constraints.required: "yes": want true or false`},
		{`{"fields":[{"name":"a"}],"fieldsMatch":["exact","subset"]}`, "fieldsMatch: "},
		{`{"fields":[{"name":"a"}],"missingValues":[1]}`, "missingValues: want an array"},
		{`{"fields":[{"name":"a","trueValues":"x","type":"boolean"}]}`,
			"fields[0].trueValues: \"x\": want an array of strings"},
		{`{"fields":[{"name":"a","type":"integer","categories":[{"label":"x"}]}]}`, "is missing"},
		{`{"fields":[{"name":"a","type":"string","description":"` + strings.Repeat("ü", 99) + `"},7]}`, "fields[1]: 7"},
	} {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.text, err, c.want)
		}
	}
}

func TestMatchHeader(t *testing.T) {
	for _, c := range []struct {
		match, header string
		want          []int
		err           []string
	}{
		{`"exact"`, "a,b,c", []int{0, 1, 2}, nil},
		{`"exact"`, "a,c,b", nil, []string{`columns out of order (fieldsMatch is "exact"): "b", "c"`}},
		{`"exact"`, "a,b", nil, []string{`missing columns: "c"`}},
		{`"exact"`, "a,b,x,y,b", nil,
			[]string{`missing columns: "c"`, `unexpected columns: "x", "y"`, `repeated columns: "b"`}},
		{`"equal"`, "c,a,b", []int{1, 2, 0}, nil},
		{`["equal"]`, "c,a", nil, []string{`missing columns: "b"`}},
		{`"equal"`, "c,a,b,d", nil, []string{`unexpected columns: "d"`}},
		{`"subset"`, "z,c,z,a,b", []int{3, 4, 1}, nil},
		{`"subset"`, "c,b", nil, []string{`missing columns: "a"`}},
		{`"superset"`, "b,a", []int{1, 0, -1}, nil},
		{`"superset"`, "b,a,z", nil, []string{`unexpected columns: "z"`}},
		{`"superset"`, "b", nil, []string{`missing columns: "a"`}}, // a is required
		{`"partial"`, "z,a", []int{1, -1, -1}, nil},
		{`"partial"`, "a,z,a", nil, []string{`repeated columns: "a"`}},
	} {
		s, err := Parse([]byte(`{"fields":[{"name":"a","constraints":{"required":true}},{"name":"b"},{"name":"c"}],` +
			`"fieldsMatch":` + c.match + `}`))
		if err != nil {
			t.Fatal(err)
		}
		got, err := MatchHeader(s, strings.Split(c.header, ","))
		if (err != nil) != (c.err != nil) || err == nil && !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v, %v", c.match, c.header, got, err)
		}
		for _, want := range c.err {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: error %v, want %q", c.match, c.header, err, want)
			}
		}
	}
	s, err := Parse([]byte(`{"fields":[{"name":"a"}],"fieldsMatch":"partial"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := MatchHeader(s, []string{"x"}); err == nil || !strings.Contains(err.Error(), "no column matches a field") {
		t.Errorf("no common column: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"fields":[{"name":"a","type":"integer","constraints":{"minimum":"3","enum":[1,"2"]}}],` +
		`"missingValues":["",{"value":"x"}]}`))
	f.Add([]byte(`{"fields":[{"name":"a","type":"datetime","format":"%d/%b/%y %I %p %z %%"},` +
		`{"name":"b","type":"list","itemType":"date"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			return
		}
		for i := range s.Fields {
			for _, text := range []string{"", "12", "2024-01-02", "{}", "12/Jan/24 3 PM +01:00 %", string(data)} {
				fld := &s.Fields[i]
				if v, err := fld.Cast([]byte(text)); err == nil {
					fld.Check(v, []byte(text))
				}
			}
		}
	})
}
