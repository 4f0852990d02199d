package parquet

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"dip/internal/record"
)

func openParquet(t *testing.T, data []byte) *file.Reader {
	t.Helper()
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	r, err := file.NewParquetReader(bytes.NewReader(data), file.WithReadProps(props))
	if err != nil {
		t.Fatalf("open Parquet: %v", err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close Parquet: %v", err)
		}
	})
	return r
}

func readTable(t *testing.T, data []byte) arrow.Table {
	t.Helper()
	r, err := pqarrow.NewFileReader(openParquet(t, data), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(t.Context())
	if err != nil {
		t.Fatalf("read table: %v", err)
	}
	t.Cleanup(table.Release)
	return table
}

// readRows reads a file with Apache Arrow's reader into the form that appendRow takes.
func readRows(t *testing.T, data []byte) [][]any {
	t.Helper()
	table := readTable(t, data)
	rows := make([][]any, table.NumRows())
	for i := range rows {
		rows[i] = make([]any, table.NumCols())
	}
	for c := range int(table.NumCols()) {
		row := 0
		for _, a := range table.Column(c).Data().Chunks() {
			for i := range a.Len() {
				if !a.IsNull(i) {
					rows[row][c] = arrowValue(t, a, i)
				}
				row++
			}
		}
	}
	return rows
}

func arrowValue(t *testing.T, a arrow.Array, i int) any {
	t.Helper()
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.Decimal128:
		return int64(a.Value(i).LowBits())
	case *array.String:
		return a.Value(i)
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Time64:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	}
	t.Fatalf("unexpected Arrow type %s", a.DataType())
	return nil
}

// sameValue takes floats by their bits: NaN equals itself, -0 differs from +0.
func sameValue(a, b any) bool {
	fa, oka := a.(float64)
	fb, okb := b.(float64)
	if oka && okb {
		return math.Float64bits(fa) == math.Float64bits(fb)
	}
	return reflect.DeepEqual(a, b)
}

func wantRows(t *testing.T, types []record.Type, data []byte, want [][]any) {
	t.Helper()
	got := readRows(t, data)
	if len(got) != len(want) {
		t.Fatalf("read %d rows, want %d", len(got), len(want))
	}
	for i := range want {
		for c := range want[i] {
			if !sameValue(got[i][c], want[i][c]) {
				t.Fatalf("row %d, column %s is %v, want %v", i, types[c].Name, got[i][c], want[i][c])
			}
		}
	}
}
