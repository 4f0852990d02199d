package parquet_test

import (
	"bytes"
	"fmt"
	"io"

	"dip/internal/parquet"
	"dip/internal/record"
)

func ExamplePartitioner() {
	types := []record.Type{{Name: "city", Kind: record.String}, {Name: "seen", Kind: record.Date}}
	files := map[string]*bytes.Buffer{}
	p, err := parquet.NewPartitioner(types, &parquet.Partition{Field: "seen", Transform: parquet.Month}, parquet.Options{},
		func(path string) (io.Writer, error) {
			files[path] = &bytes.Buffer{}
			return files[path], nil
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = p.Write(&record.Batch{Rows: 3, Columns: []record.Column{
		{Type: types[0], Present: []byte{1, 0, 1}, Nulls: 1, Ends: []uint32{3, 7}, Bytes: []byte("AjoLima")},
		{Type: types[1], Present: []byte{1, 1, 1}, Ints: []int64{19_753, 19_754, 19_755}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	outputs, err := p.Close()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range outputs {
		fmt.Println(o.Path, o.Rows, "rows", o.Bytes == int64(files[o.Path].Len()))
	}
	// Output:
	// seen_month=2024-01 1 rows true
	// seen_month=2024-02 2 rows true
}
