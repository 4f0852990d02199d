package verify

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// batchRows bounds the memory of reading a Parquet file.
const batchRows = 16 << 10

// parquetRows adds up the rows of a Parquet file as Apache Arrow reads them.
func parquetRows(ctx context.Context, f parquet.ReaderAtSeeker) (rows int64, total sum, err error) {
	reader, err := file.NewParquetReader(f)
	if err != nil {
		return 0, total, fmt.Errorf("open Parquet: %w", err)
	}
	defer func() { err = firstOf(err, reader.Close()) }()
	arrowReader, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: batchRows}, memory.DefaultAllocator)
	if err != nil {
		return 0, total, fmt.Errorf("read Parquet: %w", err)
	}
	batches, err := arrowReader.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return 0, total, fmt.Errorf("read Parquet: %w", err)
	}
	defer batches.Release()
	var r row
	for batches.Next() {
		batch := batches.RecordBatch()
		for i := range int(batch.NumRows()) {
			r.b = r.b[:0]
			for c := range int(batch.NumCols()) {
				if err := r.arrow(batch.Column(c), i); err != nil {
					return rows, total, fmt.Errorf("column %s: %w", batch.ColumnName(c), err)
				}
			}
			total.add(r.b)
			rows++
		}
	}
	return rows, total, batches.Err()
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// arrow adds value i of an Arrow column.
func (r *row) arrow(column arrow.Array, i int) error {
	if column.IsNull(i) {
		r.null()
		return nil
	}
	switch a := column.(type) {
	case *array.Int64:
		r.int(a.Value(i))
	case *array.Decimal128:
		v := a.Value(i)
		r.int(int64(v.LowBits()))
	case *array.Date32:
		r.int(int64(a.Value(i)))
	case *array.Time64:
		r.int(int64(a.Value(i)))
	case *array.Timestamp:
		r.int(int64(a.Value(i)))
	case *array.Float64:
		r.float(a.Value(i))
	case *array.Boolean:
		r.bool(a.Value(i))
	case *array.String:
		r.text([]byte(a.Value(i)))
	case *array.Binary:
		r.text(a.Value(i))
	default:
		return fmt.Errorf("unexpected type %s", column.DataType())
	}
	return nil
}
