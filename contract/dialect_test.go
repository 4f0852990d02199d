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

func TestEncodingText(t *testing.T) {
	var d Dialect
	if err := json.Unmarshal([]byte(`{"encoding":"ndjson"}`), &d); err != nil || d.Encoding != NDJSON {
		t.Errorf("got %+v, %v", d, err)
	}
	if err := json.Unmarshal([]byte(`{"encoding":"CSV"}`), &d); err == nil || !strings.Contains(err.Error(), `"CSV"`) {
		t.Errorf("an unknown encoding was read: %v", err)
	}
}
