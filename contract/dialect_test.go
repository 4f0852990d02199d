package contract

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestDialectValidate(t *testing.T) {
	for _, c := range []struct {
		d    Dialect
		want []string // beginnings of the errors
	}{
		{Dialect{Encoding: CSV, Delimiter: ",", Quote: `"`, Header: true}, nil},
		{Dialect{Encoding: CSV, Delimiter: "\t", Quote: "'"}, nil},
		{Dialect{Encoding: CSV, Delimiter: "|", Quote: "\x01"}, nil},
		{Dialect{Encoding: NDJSON}, nil},
		{Dialect{Encoding: CSV, Delimiter: "\t"}, nil},
		{Dialect{Encoding: CSV}, []string{`delimiter: ""`}},
		{Dialect{Encoding: CSV, Delimiter: ",", Quote: ","}, []string{"quote: \",\" is the delimiter"}},
		{Dialect{Encoding: CSV, Delimiter: ";;", Quote: `"`}, []string{`delimiter: ";;"`}},
		{Dialect{Encoding: CSV, Delimiter: "§", Quote: `"`}, []string{`delimiter: "§"`}},
		{Dialect{Encoding: CSV, Delimiter: "\xa7", Quote: `"`}, []string{`delimiter: "\xa7"`}},
		{Dialect{Encoding: CSV, Delimiter: "\n", Quote: "\r"}, []string{`delimiter: "\n"`, `quote: "\r"`}},
		{Dialect{Encoding: CSV, Delimiter: ",", Quote: "\x00"}, []string{`quote: "\x00"`}},
		{Dialect{Encoding: "tsv", Delimiter: ",", Quote: `"`},
			[]string{`encoding: unknown encoding "tsv": want "csv" or "ndjson"`}},
		{Dialect{Encoding: NDJSON, Delimiter: ","}, []string{"delimiter: only csv has it"}},
		{Dialect{Encoding: NDJSON, Quote: `"`}, []string{"quote: only csv has it"}},
		{Dialect{Encoding: NDJSON, Delimiter: ",", Quote: `"`, Header: true},
			[]string{"delimiter: only", "quote: only", "header: only csv has it"}},
		{Dialect{Encoding: NDJSON, Charset: UTF16LE}, nil},
		{Dialect{Encoding: NDJSON, Comment: "#", SkipLines: 1, FooterLines: -1},
			[]string{"comment: only csv has it", "skipLines: only csv has it", "footerLines: only csv has it"}},
		{Dialect{Encoding: CSV, Charset: UTF8, Delimiter: ",", Comment: "#", SkipLines: 3, FooterLines: 1}, nil},
		{Dialect{Encoding: CSV, Charset: "cp1252", Delimiter: ","},
			[]string{`charset: unknown charset "cp1252": want one of ["utf-8" "windows-1252"`}},
		{Dialect{Encoding: CSV, Delimiter: ";", Quote: "'", Comment: ";"}, []string{`comment: ";" is the delimiter too`}},
		{Dialect{Encoding: CSV, Delimiter: ";", Quote: "'", Comment: "'"}, []string{`comment: "'" is the quote too`}},
		{Dialect{Encoding: CSV, Delimiter: ";", Comment: "//"}, []string{`comment: "//": want one ASCII character`}},
		{Dialect{Encoding: CSV, Delimiter: ";", Comment: "\n", SkipLines: -1, FooterLines: -2},
			[]string{`comment: "\n"`, "skipLines: -1: want 0 or more", "footerLines: -2: want"}},
	} {
		var got []string
		if err := c.d.Validate(); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%+v: %q, want %q", c.d, got, c.want)
		}
	}
}

func TestComments(t *testing.T) {
	d := Dialect{Encoding: CSV, Delimiter: ",", Comment: "#"}
	for text, want := range map[string]bool{"#": true, "#a,b\n": true, "": false, "a#": false, " #": false, "\n": false} {
		if d.Comments([]byte(text)) != want || (Dialect{Encoding: CSV, Delimiter: ","}).Comments([]byte(text)) {
			t.Errorf("%q: want %t, and none without the setting", text, want)
		}
	}
}

func TestEncodingText(t *testing.T) {
	var d Dialect
	if err := json.Unmarshal([]byte(`{"encoding":"ndjson"}`), &d); err != nil || d.Encoding != NDJSON {
		t.Errorf("got %+v, %v", d, err)
	}
	if err := json.Unmarshal([]byte(`{"encoding":"CSV"}`), &d); err == nil || !strings.Contains(err.Error(), `"CSV"`) {
		t.Errorf("an unknown encoding was read: %v", err)
	}
}
