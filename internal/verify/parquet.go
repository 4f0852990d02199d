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

	"dip/tableschema"
)

// batchRows bounds the memory of reading a Parquet file.
const batchRows = 16 << 10

// parquetRows adds up the rows of a Parquet file as Apache Arrow reads them. Its columns are the schema's fields. Arrow
// panics on some damaged files: that is an error like any other.
func parquetRows(
	ctx context.Context, s *tableschema.Schema, f parquet.ReaderAtSeeker) (rows int64, total sum, err error,
) {
	reader, err := file.NewParquetReader(f)
	if err != nil {
		return 0, total, fmt.Errorf("open Parquet: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read Parquet: %v", p)
		}
		err = firstOf(err, reader.Close())
	}()
	arrowReader, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: batchRows},
		memory.DefaultAllocator)
	if err != nil {
		return 0, total, fmt.Errorf("read Parquet: %w", err)
	}
	columns, err := arrowReader.Schema()
	if err != nil {
		return 0, total, fmt.Errorf("read Parquet: %w", err)
	}
	if err := checkColumns(s, columns.Fields()); err != nil {
		return 0, total, err
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

func checkColumns(s *tableschema.Schema, columns []arrow.Field) error {
	if len(columns) != len(s.Fields) {
		return fmt.Errorf("has %d columns, the schema has %d fields", len(columns), len(s.Fields))
	}
	for i, c := range columns {
		f := &s.Fields[i]
		if want := arrowType(f); c.Name != f.Name || !arrow.TypeEqual(c.Type, want) {
			return fmt.Errorf("column %d is %s of type %s, the schema has %s of type %s", i+1, c.Name, c.Type, f.Name, want)
		}
	}
	return nil
}

// arrowType is the type of a field's column; see docs/segments.md.
func arrowType(f *tableschema.Field) arrow.DataType {
	switch f.Type {
	case tableschema.Integer, tableschema.Year:
		return arrow.PrimitiveTypes.Int64
	case tableschema.Number:
		if f.Decimal != nil {
			return &arrow.Decimal128Type{Precision: int32(f.Decimal.Precision), Scale: int32(f.Decimal.Scale)}
		}
		return arrow.PrimitiveTypes.Float64
	case tableschema.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case tableschema.Date:
		return arrow.FixedWidthTypes.Date32
	case tableschema.Time:
		return arrow.FixedWidthTypes.Time64us
	case tableschema.Datetime:
		t := &arrow.TimestampType{Unit: arrow.Microsecond}
		if f.UTC {
			t.TimeZone = "UTC"
		}
		return t
	}
	return arrow.BinaryTypes.String
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
		n := int64(v.LowBits())
		if v.HighBits() != n>>63 {
			return fmt.Errorf("the decimal %s is longer than 18 digits", v.BigInt())
		}
		r.int(n)
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
	default:
		return fmt.Errorf("unexpected type %s", column.DataType())
	}
	return nil
}
