package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/contract"
)

// schemaOf makes a schema of fields, which are JSON without braces.
func schemaOf(fields ...string) []byte {
	for i, f := range fields {
		fields[i] = "{" + f + "}"
	}
	return []byte(`{"fields":[` + strings.Join(fields, ",") + `]}`)
}

// one makes a schema of one field x with these properties.
func one(properties string) []byte {
	name := `"name":"x"`
	if properties != "" {
		name += ","
	}
	return schemaOf(name + properties)
}

func show(d []Difference) string {
	var lines []string
	for _, d := range d {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s: %s", d.Path, d.Old, d.New, d.Verdict))
	}
	return strings.Join(lines, "\n")
}

func TestFields(t *testing.T) {
	for _, c := range []struct{ old, updated, want string }{
		// Types, by what Parquet has and by what is accepted.
		{`"type":"integer"`, `"type":"number"`, "fields[x].type: integer -> number: breaks readers"},
		{`"type":"integer"`, `"type":"string"`, "fields[x].type: integer -> string: breaks readers"},
		{`"type":"date"`, `"type":"datetime"`, "fields[x].type: date -> datetime: breaks readers"},
		{`"type":"year"`, `"type":"integer"`, "fields[x].type: year -> integer: compatible"},
		{`"type":"integer"`, `"type":"year"`, "fields[x].type: integer -> year: quarantines more"},
		{`"type":"duration"`, `"type":"string"`, "fields[x].type: duration -> string: compatible"},
		{`"type":"object"`, `"type":"any"`, "fields[x].type: object -> any: compatible"},
		{`"type":"geojson"`, `"type":"object"`, "fields[x].type: geojson -> object: compatible"},
		{`"type":"any"`, `"type":"object"`, "fields[x].type: any -> object: quarantines more"},
		{`"type":"any"`, `"type":"string","format":"email"`, "fields[x].type: any -> string: quarantines more"},
		{`"type":"number"`, `"type":"number","decimal":{"precision":9,"scale":2}`,
			"fields[x].decimal: DOUBLE -> DECIMAL(9,2): breaks readers"},
		{`"type":"number","decimal":{"precision":9,"scale":2}`, `"type":"number","decimal":{"precision":12,"scale":2}`,
			"fields[x].decimal: DECIMAL(9,2) -> DECIMAL(12,2): compatible"},
		{`"type":"number","decimal":{"precision":12,"scale":2}`, `"type":"number","decimal":{"precision":9,"scale":2}`,
			"fields[x].decimal: DECIMAL(12,2) -> DECIMAL(9,2): breaks readers"},
		{`"type":"number","decimal":{"precision":9,"scale":2}`, `"type":"number","decimal":{"precision":12,"scale":3}`,
			"fields[x].decimal: DECIMAL(9,2) -> DECIMAL(12,3): breaks readers"},
		{`"type":"datetime"`, `"type":"datetime","timezone":"UTC"`,
			"fields[x].timezone: TIMESTAMP -> TIMESTAMP adjusted to UTC: breaks readers"},

		// Forms.
		{`"type":"string","format":"email"`, `"type":"string"`, "fields[x].format: email -> default: compatible"},
		{`"type":"string"`, `"type":"string","format":"email"`, "fields[x].format: default -> email: quarantines more"},
		{`"type":"date"`, `"type":"date","format":"any"`, "fields[x].format: default -> any: compatible"},
		{`"type":"date","format":"any"`, `"type":"date"`, "fields[x].format: any -> default: quarantines more"},
		{`"type":"date","format":"%d/%m/%Y"`, `"type":"date","format":"%m/%d/%Y"`,
			"fields[x].format: %d/%m/%Y -> %m/%d/%Y: breaks readers"},
		{`"type":"date","format":"%d/%m/%Y"`, `"type":"date","format":"%d %b %Y"`,
			"fields[x].format: %d/%m/%Y -> %d %b %Y: quarantines more"},
		{`"type":"number"`, `"type":"number","decimalChar":","`, `fields[x].decimalChar:  -> ",": quarantines more`},
		{`"type":"number"`, `"type":"number","groupChar":","`, `fields[x].groupChar:  -> ",": compatible`},
		{`"type":"number","groupChar":","`, `"type":"number"`, `fields[x].groupChar: "," -> : quarantines more`},
		{`"type":"number","groupChar":","`, `"type":"number","decimalChar":",","groupChar":"."`,
			"fields[x].decimalChar:  -> \",\": breaks readers\nfields[x].groupChar: \",\" -> \".\": breaks readers"},
		{`"type":"integer","groupChar":","`, `"type":"integer","groupChar":",","grouping":"indian"`,
			"fields[x].grouping: threes -> indian: quarantines more"},
		{`"type":"number"`, `"type":"number","bareNumber":false`, "fields[x].bareNumber: true -> false: compatible"},
		{`"type":"number","bareNumber":false`, `"type":"number"`, "fields[x].bareNumber: false -> true: quarantines more"},
		{`"type":"boolean","trueValues":["Y"],"falseValues":["N"]`,
			`"type":"boolean","trueValues":["Y","y"],"falseValues":["N"]`,
			`fields[x].trueValues: ["Y"] -> ["Y","y"]: compatible`},
		{`"type":"boolean","trueValues":["Y","y"],"falseValues":["N"]`,
			`"type":"boolean","trueValues":["Y"],"falseValues":["N"]`,
			`fields[x].trueValues: ["Y","y"] -> ["Y"]: quarantines more`},
		{`"type":"boolean","trueValues":["1"],"falseValues":["0"]`,
			`"type":"boolean","trueValues":["0"],"falseValues":["1"]`,
			"fields[x].trueValues: [\"1\"] -> [\"0\"]: breaks readers\n" +
				"fields[x].falseValues: [\"0\"] -> [\"1\"]: breaks readers"},
		{`"type":"list"`, `"type":"list","delimiter":";"`, "fields[x].delimiter: , -> ;: quarantines more"},
		{`"type":"list","itemType":"integer"`, `"type":"list"`, `fields[x].itemType: "integer" -> : compatible`},
		{`"type":"list"`, `"type":"list","itemType":"integer"`, `fields[x].itemType:  -> "integer": quarantines more`},

		// Missing values.
		{`"type":"integer"`, `"type":"integer","missingValues":["","NA"]`,
			`fields[x].missingValues: [""] -> ["","NA"]: compatible`},
		{`"type":"integer"`, `"type":"integer","missingValues":["","-1"]`,
			`fields[x].missingValues: [""] -> ["","-1"]: breaks readers`},
		{`"type":"integer","constraints":{"required":true}`,
			`"type":"integer","missingValues":["","-1"],"constraints":{"required":true}`,
			`fields[x].missingValues: [""] -> ["","-1"]: quarantines more`},
		{`"type":"integer","missingValues":["","NA"]`, `"type":"integer"`,
			`fields[x].missingValues: ["","NA"] -> [""]: quarantines more`},
		{`"type":"string","missingValues":["","NA"]`, `"type":"string"`,
			`fields[x].missingValues: ["","NA"] -> [""]: breaks readers`},
		{`"type":"string"`, `"type":"string","missingValues":["NA"]`,
			`fields[x].missingValues: [""] -> ["NA"]: breaks readers`},

		// Constraints.
		{`"constraints":{"required":true}`, ``, "fields[x].constraints.required: true -> false: compatible"},
		{``, `"constraints":{"required":true}`, "fields[x].constraints.required: false -> true: quarantines more"},
		{``, `"constraints":{"unique":true}`, "fields[x].constraints.unique:  -> true: compatible"},
		{`"type":"integer","constraints":{"minimum":2}`, `"type":"integer","constraints":{"minimum":"1"}`,
			`fields[x].constraints.minimum: 2 -> "1": compatible`},
		{`"type":"integer","constraints":{"minimum":2}`, `"type":"integer","constraints":{"minimum":10}`,
			"fields[x].constraints.minimum: 2 -> 10: quarantines more"},
		{`"type":"date","constraints":{"maximum":"2024-01-01"}`, `"type":"date","constraints":{"maximum":"2025-01-01"}`,
			`fields[x].constraints.maximum: "2024-01-01" -> "2025-01-01": compatible`},
		{`"type":"number","constraints":{"exclusiveMaximum":9.5}`, `"type":"number","constraints":{"exclusiveMaximum":9}`,
			"fields[x].constraints.exclusiveMaximum: 9.5 -> 9: quarantines more"},
		{`"type":"string","constraints":{"minLength":2,"maxLength":10}`,
			`"type":"string","constraints":{"minLength":3,"maxLength":11}`,
			"fields[x].constraints.maxLength: 10 -> 11: compatible\nfields[x].constraints.minLength: 2 -> 3: quarantines more"},
		{`"type":"string","constraints":{"maxLength":10}`, `"type":"string","constraints":{"maxLength":9}`,
			"fields[x].constraints.maxLength: 10 -> 9: quarantines more"},
		{`"type":"string","constraints":{"minLength":3}`, `"type":"string","constraints":{"minLength":2}`,
			"fields[x].constraints.minLength: 3 -> 2: compatible"},
		{`"type":"string","constraints":{"enum":["a"]}`, `"type":"string","constraints":{"enum":["b","a"]}`,
			`fields[x].constraints.enum: ["a"] -> ["b","a"]: compatible`},
		{`"type":"string","constraints":{"enum":["a","b"]}`, `"type":"string","constraints":{"enum":["a"]}`,
			`fields[x].constraints.enum: ["a","b"] -> ["a"]: quarantines more`},
		{`"type":"string","constraints":{"pattern":"a"}`, `"type":"string","constraints":{"pattern":"b"}`,
			`fields[x].constraints.pattern: "a" -> "b": quarantines more`},
		{`"type":"string","constraints":{"pattern":"a"}`, `"type":"string"`,
			`fields[x].constraints.pattern: "a" -> : compatible`},
		{`"type":"string","categories":["a"]`, `"type":"string","categories":[{"value":"a","label":"A"},"b"]`,
			`fields[x].categories: ["a"] -> [{"value":"a","label":"A"},"b"]: compatible`},
		{`"type":"string"`, `"type":"string","categories":["a"]`,
			`fields[x].categories:  -> ["a"]: quarantines more`},
		{`"title":"a"`, `"title":"b","example":1`,
			"fields[x].example:  -> 1: compatible\nfields[x].title: \"a\" -> \"b\": compatible"},
		{`"path":"a"`, `"path":"b"`, ""}, // of NDJSON only
	} {
		d, err := Compare(one(c.old), one(c.updated), Options{Encoding: contract.CSV})
		if got := show(d); err != nil || got != c.want {
			t.Errorf("%s to %s: %v\ngot  %s\nwant %s", c.old, c.updated, err, got, c.want)
		}
		for _, d := range d {
			if d.Why == "" {
				t.Errorf("%s to %s: no reason for %+v", c.old, c.updated, d)
			}
		}
	}
}

// NDJSON has no header, finds values by path, and stores a string and a value of any type in two forms.
func TestNDJSON(t *testing.T) {
	for _, c := range []struct{ old, updated, want string }{
		{`"path":"a"`, `"path":"b"`, "fields[x].path: a -> b: breaks readers"},
		{`"type":"string"`, `"type":"any"`, "fields[x].type: string -> any: breaks readers"},
		{`"type":"object"`, `"type":"any"`, // "" is null in a field of objects and a value in one of anything
			"fields[x].type: object -> any: compatible\nfields[x].missingValues: [\"\"] -> []: breaks readers"},
		{`"type":"object","missingValues":[]`, `"type":"any"`, "fields[x].type: object -> any: compatible"},
		{`"type":"string"`, `"type":"string","missingValues":["","NA"]`,
			`fields[x].missingValues: [] -> ["","NA"]: breaks readers`},
		{`"type":"string"`, `"type":"string","missingValues":[""]`, "fields[x].missingValues: [] -> [\"\"]: breaks readers"},
		{`"type":"integer"`, `"type":"integer","missingValues":[""]`, ""},
	} {
		d, err := Compare(one(c.old), one(c.updated), Options{Encoding: contract.NDJSON})
		if got := show(d); err != nil || got != c.want {
			t.Errorf("%s to %s: %v\ngot  %s\nwant %s", c.old, c.updated, err, got, c.want)
		}
	}
	d, err := Compare(schemaOf(`"name":"a"`, `"name":"b"`), schemaOf(`"name":"b"`, `"name":"a"`, `"name":"c"`),
		Options{Encoding: contract.NDJSON})
	if got := show(d); err != nil || got != "fields[c]:  -> any: compatible\nfields: a, b -> b, a: compatible" {
		t.Errorf("%v, got %s", err, got)
	}
}

func TestSchemas(t *testing.T) {
	with := func(properties string, fields ...string) []byte {
		return []byte(strings.TrimSuffix(string(schemaOf(fields...)), "}") + "," + properties + "}")
	}
	ab := func() []string { return []string{`"name":"a"`, `"name":"b"`} }
	for name, c := range map[string]struct {
		old, updated []byte
		want         string
	}{
		"an optional field": {schemaOf(ab()...), schemaOf(append(ab(), `"name":"c"`)...),
			"fields[c]:  -> any: quarantines more"},
		"an optional field that headers may lack": {with(`"fieldsMatch":"superset"`, ab()...),
			with(`"fieldsMatch":"superset"`, append(ab(), `"name":"c"`)...), "fields[c]:  -> any: compatible"},
		"a required field": {with(`"fieldsMatch":"superset"`, ab()...),
			with(`"fieldsMatch":"superset"`, append(ab(), `"name":"c","constraints":{"required":true}`)...),
			"fields[c]:  -> any: quarantines more"},
		"a field is gone": {schemaOf(ab()...), schemaOf(`"name":"a"`), "fields[b]: any -> : breaks readers"},
		"a new name": {schemaOf(ab()...), schemaOf(`"name":"a"`, `"name":"c"`),
			"fields[b].name: b -> c: breaks readers"},
		"another field in its place": {schemaOf(ab()...), with(`"fieldsMatch":"partial"`, `"name":"a"`,
			`"name":"c","type":"date"`),
			"fieldsMatch: exact -> partial: compatible\nfields[b]: any -> : breaks readers\nfields[c]:  -> date: compatible"},
		"another order": {schemaOf(ab()...), schemaOf(`"name":"b"`, `"name":"a"`),
			"fields: a, b -> b, a: quarantines more"},
		"another order, found by name": {with(`"fieldsMatch":"equal"`, ab()...),
			with(`"fieldsMatch":"equal"`, `"name":"b"`, `"name":"a"`), "fields: a, b -> b, a: compatible"},
		"a stricter header": {with(`"fieldsMatch":"subset"`, ab()...), schemaOf(ab()...),
			"fieldsMatch: subset -> exact: quarantines more"},
		"another header": {with(`"fieldsMatch":"subset"`, ab()...), with(`"fieldsMatch":"superset"`, ab()...),
			"fieldsMatch: subset -> superset: quarantines more"},
		"a primary key": {schemaOf(ab()...), with(`"primaryKey":"a"`, ab()...),
			"primaryKey:  -> \"a\": compatible\nfields[a].constraints.required: false -> true: quarantines more"},
		"missing values of all": {with(`"missingValues":["","NA"]`, `"name":"a","type":"date"`),
			schemaOf(`"name":"a","type":"date"`), `fields[a].missingValues: ["","NA"] -> [""]: quarantines more`},
		"a title": {schemaOf(ab()...), with(`"title":"t"`, ab()...), `title:  -> "t": compatible`},
	} {
		d, err := Compare(c.old, c.updated, Options{Encoding: contract.CSV})
		if got := show(d); err != nil || got != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", name, err, got, c.want)
		}
	}
}

// Rows must stay in the folder that their value names.
func TestPartition(t *testing.T) {
	o := Options{Encoding: contract.CSV, Partition: "x"}
	d, err := Compare(one(`"type":"date"`),
		one(`"type":"date","format":"any","title":"t","constraints":{"required":true}`), o)
	want := "fields[x].format: default -> any: breaks readers\nfields[x].constraints.required: false -> true: " +
		"quarantines more\nfields[x].title:  -> \"t\": compatible"
	if got := show(d); err != nil || got != want {
		t.Errorf("%v, got %s", err, got)
	}
}

func TestASchemaIsCompatibleWithItself(t *testing.T) {
	paths, err := filepath.Glob("../../schemas/*.json")
	if err != nil || len(paths) < 3 {
		t.Fatal(paths, err)
	}
	more, err := filepath.Glob("../verify/testdata/cases/*/schema.json")
	if err != nil || len(more) < 3 {
		t.Fatal(more, err)
	}
	for _, path := range append(paths, more...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{Encoding: contract.CSV}, {Encoding: contract.NDJSON, Partition: "x"}} {
			if d, err := Compare(text, text, o); err != nil || len(d) > 0 || Worst(d) != Compatible {
				t.Errorf("%s: %v, %v", path, d, err)
			}
		}
	}
}

func TestWorst(t *testing.T) {
	a, b, c := Difference{Verdict: Compatible}, Difference{Verdict: Quarantines}, Difference{Verdict: Breaks}
	for want, d := range map[Verdict][]Difference{Compatible: {a, a}, Quarantines: {b, a}, Breaks: {b, c, a}} {
		if got := Worst(d); got != want {
			t.Errorf("worst of %v is %s", d, got)
		}
	}
}

func TestInvalidSchemas(t *testing.T) {
	for _, c := range []struct{ old, updated, want string }{
		{"{}", `{"fields":[{"name":"a"}]}`, "the old schema: fields: missing"},
		{`{"fields":[{"name":"a"}]}`, `{"fields":[{"name":"a","type":"text"}]}`, "the new schema: fields[0].type"},
	} {
		_, err := Compare([]byte(c.old), []byte(c.updated), Options{})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
