package infer

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/contract"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// report is what a person sees of a result.
func report(r Result) string {
	var b strings.Builder
	b.Write(r.Schema)
	fmt.Fprintf(&b, "dialect %s, delimiter %q, header %t\n", r.Dialect.Encoding, r.Dialect.Delimiter, r.Dialect.Header)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note %q %s\n", n.Field, n.Text)
	}
	fmt.Fprintf(&b, "%d of %d records fit\n", r.Fit, r.Records)
	for _, m := range r.Misfits {
		fmt.Fprintf(&b, "misfit %d to %d: %q %s\n", m.Start, m.End, m.Field, m.Reason)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	inputs := 0
	for _, path := range paths {
		if strings.HasSuffix(path, ".golden") {
			continue
		}
		inputs++
		r, err := File(t.Context(), path, Options{Quote: `"`, NoHeader: strings.Contains(path, "noheader")})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got, golden := report(r), path+".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", path, err, got, want)
		}
	}
	if inputs < 10 {
		t.Errorf("%d inputs", inputs)
	}
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompressed(t *testing.T) {
	plain, err := os.ReadFile("testdata/types.csv")
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := File(t.Context(), write(t, "types.csv.gz", z.Bytes()), Options{Quote: `"`})
	if err != nil || r.Compression != contract.Gzip || r.Fit != 2 || r.Records != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	want, err := File(t.Context(), "testdata/types.csv", Options{Quote: `"`})
	if err != nil || string(r.Schema) != string(want.Schema) {
		t.Errorf("got\n%s\nwant\n%s, %v", r.Schema, want.Schema, err)
	}
}

// A row of letters makes an integer column a text, also when it is beyond the bytes that the dialect is detected from.
func TestTheWholeFileCounts(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("a,b\n")
	for b.Len() < 9<<20 {
		b.WriteString("1,2\n")
	}
	rows := int64(b.Len()/4 - 1)
	b.WriteString("x,2\n")
	r, err := File(t.Context(), write(t, "a.csv", b.Bytes()), Options{Quote: `"`})
	if err != nil || r.Fit != rows+1 || r.Records != rows+1 {
		t.Fatalf("%d of %d fit, want %d: %v", r.Fit, r.Records, rows+1, err)
	}
	s := string(r.Schema)
	if !strings.Contains(s, `"a", "type": "string"`) || !strings.Contains(s, `"b", "type": "integer"`) {
		t.Errorf("got\n%s", s)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0].Text, `all of its values are integers but 1, such as "x"`) {
		t.Errorf("notes are %+v", r.Notes)
	}
}

// Records longer than a block are read whole; one beyond the limit is an error that says where it is.
func TestLongRecords(t *testing.T) {
	long := strings.Repeat("x", 9<<20)
	r, err := File(t.Context(), write(t, "a.csv", []byte("a,b\n1,"+long+"\n2,y\n")), Options{Quote: `"`})
	if err != nil || r.Fit != 2 {
		t.Errorf("%d records fit: %v", r.Fit, err)
	}
	_, err = File(t.Context(), write(t, "a.csv", []byte("a,b\n1,"+long+long+"\n2,y\n")), Options{Quote: `"`})
	if err == nil || !strings.Contains(err.Error(), "byte 4 is longer than 16 MiB") {
		t.Errorf("a record of 18 MiB: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	many := bytes.NewBufferString("{")
	for i := range maxKeys + 1 {
		fmt.Fprintf(many, "%q:1,", fmt.Sprint(i))
	}
	many.WriteString(`"x":1}`)
	for name, c := range map[string]struct {
		content string
		o       Options
		want    string
	}{
		"empty":         {"", Options{}, "the file has no records"},
		"blank":         {"\n\r\n", Options{}, "the file has no records"},
		"no objects":    {"[1]\n", Options{Encoding: contract.NDJSON}, "no JSON objects"},
		"many keys":     {many.String(), Options{}, "more than 5000 different keys"},
		"no names":      {",\n1,2\n", Options{}, "no column has a name of its own"},
		"bad delimiter": {"a,b\n", Options{Delimiter: "ab"}, "dialect: delimiter"},
		"UTF-16":        {"\xff\xfea\x00", Options{}, "UTF-8"},
		"CR alone":      {"a,b\r1,2\r", Options{}, "CR alone"},
		"an array":      {"[{\"a\":1},\n{\"a\":2}]", Options{}, "the input is a JSON array, want one object a line"},
		"pretty":        {"{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", Options{}, "over several lines, want one object a line"},
		"empty key":     {`{"":1}`, Options{}, "no key has a name"},
	} {
		_, err := File(t.Context(), write(t, "input", []byte(c.content)), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := File(t.Context(), t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := File(t.Context(), filepath.Join(t.TempDir(), "gone"), Options{}); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
}
