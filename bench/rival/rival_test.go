package rival

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// written does a job and returns the rows of its output as texts, and the codec of its first column.
func written(t *testing.T, input string, j Job) (rows []string, codec compress.Compression) {
	t.Helper()
	dir := t.TempDir()
	j.Input, j.Output = filepath.Join(dir, "in"), filepath.Join(dir, "out.parquet")
	if err := os.WriteFile(j.Input, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(j); err != nil {
		t.Fatal(err)
	}
	r, err := file.OpenParquetFile(j.Output, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	chunk, err := r.MetaData().RowGroup(0).ColumnChunk(0)
	if err != nil {
		t.Fatal(err)
	}
	in, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := in.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows = make([]string, table.NumRows())
	for i := range int(table.NumCols()) {
		n := 0
		for _, values := range table.Column(i).Data().Chunks() {
			for k := range values.Len() {
				rows[n] += "|" + values.ValueStr(k)
				n++
			}
		}
	}
	return rows, chunk.Compression()
}

func TestWriteCSV(t *testing.T) {
	rows, codec := written(t, "t,i,f,d,unused,b,s\n"+
		"2026-01-02 03:04:05,-7,0.1,-12.5,x,Y,\"a \"\"b\"\",\nc\"\n"+
		",,,,,,\n"+
		"1969-12-31 23:59:59,9223372036854775807,1e300,0.05,,N,ü\n", Job{Comma: ",", Width: 7, Columns: []Column{
		{Name: "s", Kind: String, At: 6}, {Name: "t", Kind: Timestamp, At: 0}, {Name: "i", Kind: Int64, At: 1},
		{Name: "f", Kind: Float64, At: 2}, {Name: "d", Kind: Decimal, At: 3, Precision: 10, Scale: 2},
		{Name: "b", Kind: Bool, At: 5, True: "Y", False: "N"}}})
	want := []string{
		"|a \"b\",\nc|2026-01-02T03:04:05|-7|0.1|-12.5|true",
		strings.Repeat("|(null)", 6),
		"|ü|1969-12-31T23:59:59|9223372036854775807|1e+300|0.05|false",
	}
	if !slices.Equal(rows, want) || codec != compress.Codecs.Zstd {
		t.Errorf("got %q in %v, want %q", rows, codec, want)
	}
}

func TestWriteNDJSON(t *testing.T) {
	rows, _ := written(t, `{"o":{"i":1,"s":"caf\u00e9","x":[]},"at":"2026-01-02T03:04:05Z","b":true,`+
		`"j":{"k": [1]},"f":2}`+"\n"+
		`{"j":null,"other":"x","o":{"s":null}}`+"\n", Job{NDJSON: true, Columns: []Column{
		{Name: "i", Kind: Int64, Path: []string{"o", "i"}}, {Name: "b", Kind: Bool, Path: []string{"b"}},
		{Name: "s", Kind: String, Path: []string{"o", "s"}}, {Name: "j", Kind: JSON, Path: []string{"j"}},
		{Name: "f", Kind: Float64, Path: []string{"f"}},
		{Name: "at", Kind: Timestamp, UTC: true, Path: []string{"at"}}}})
	want := []string{`|1|true|café|{"k": [1]}|2|2026-01-02T03:04:05Z`, strings.Repeat("|(null)", 6)}
	if !slices.Equal(rows, want) {
		t.Errorf("got %q, want %q", rows, want)
	}
}

// More rows than a batch has are all there.
func TestWriteManyRows(t *testing.T) {
	var in strings.Builder
	in.WriteString("n\n")
	for i := range 2*batchRows + 1 {
		fmt.Fprintln(&in, i)
	}
	rows, _ := written(t, in.String(), Job{Comma: ",", Width: 1, Columns: []Column{{Name: "n", Kind: Int64}}})
	if len(rows) != 2*batchRows+1 || rows[batchRows] != fmt.Sprintf("|%d", batchRows) {
		t.Errorf("%d rows", len(rows))
	}
}

func TestWriteNamesTheColumn(t *testing.T) {
	for _, c := range []struct {
		column      Column
		input, want string
	}{
		{Column{Name: "n", Kind: Int64}, "n\nx\n", `column "n": "x"`},
		{Column{Name: "b", Kind: Bool, True: "Y", False: "N"}, "b\ny\n", "want Y or N"},
		{Column{Name: "d", Kind: Decimal, Precision: 5, Scale: 1}, "d\n1.25\n", "more than 1 decimals"},
		{Column{Name: "t", Kind: Timestamp}, "t\n2026-01-02\n", `column "t"`},
		{Column{Name: "l", Kind: "list"}, "l\n\n", `kind "list"`},
		{Column{Name: "n", Kind: Int64}, "n\n1,2\n", "wrong number of fields"},
	} {
		dir := t.TempDir()
		j := Job{Input: filepath.Join(dir, "in"), Output: filepath.Join(dir, "out"), Comma: ",", Width: 1,
			Columns: []Column{c.column}}
		if err := os.WriteFile(j.Input, []byte(c.input), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Write(j); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %s", c.input, err, c.want)
		}
	}
}
