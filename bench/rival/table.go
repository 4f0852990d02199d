package rival

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// table collects rows and writes them as Parquet.
type table struct {
	columns []Column
	rows    *array.RecordBuilder
	n       int // rows in it
	out     *pqarrow.FileWriter
}

// newTable writes to out, which close closes.
func newTable(columns []Column, out io.Writer) (*table, error) {
	fields := make([]arrow.Field, len(columns))
	var errs []error
	for i, c := range columns {
		kind, err := arrowType(c)
		fields[i] = arrow.Field{Name: c.Name, Type: kind, Nullable: true}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	schema := arrow.NewSchema(fields, nil)
	w, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithStoreDecimalAsInteger(true)),
		pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, fmt.Errorf("start the Parquet file: %w", err)
	}
	return &table{columns: columns, rows: array.NewRecordBuilder(memory.DefaultAllocator, schema), out: w}, nil
}

func arrowType(c Column) (arrow.DataType, error) {
	switch c.Kind {
	case Bool:
		return arrow.FixedWidthTypes.Boolean, nil
	case Int64:
		return arrow.PrimitiveTypes.Int64, nil
	case Float64:
		return arrow.PrimitiveTypes.Float64, nil
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(c.Precision), Scale: int32(c.Scale)}, nil
	case String, JSON:
		return arrow.BinaryTypes.String, nil
	case Timestamp:
		if c.UTC {
			return arrow.FixedWidthTypes.Timestamp_us, nil
		}
		return &arrow.TimestampType{Unit: arrow.Microsecond}, nil
	}
	return nil, fmt.Errorf("column %q: kind %q is not one that the inputs have", c.Name, c.Kind)
}

// append appends the value of a text to column i.
func (t *table) append(i int, text string) error {
	c := &t.columns[i]
	var err error
	switch b := t.rows.Field(i).(type) {
	case *array.BooleanBuilder:
		if text != c.True && text != c.False {
			err = fmt.Errorf("want %s or %s", c.True, c.False)
		}
		b.Append(text == c.True)
	case *array.Int64Builder:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		b.Append(n)
	case *array.Float64Builder:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		b.Append(f)
	case *array.Decimal128Builder:
		var n int64
		n, err = unscaled(text, c.Scale)
		b.Append(decimal128.FromI64(n))
	case *array.StringBuilder:
		b.Append(text)
	case *array.TimestampBuilder:
		layout := time.DateTime
		if c.UTC {
			layout = time.RFC3339
		}
		var at time.Time
		at, err = time.Parse(layout, text)
		b.Append(arrow.Timestamp(at.UnixMicro()))
	}
	if err != nil {
		return fmt.Errorf("column %q: %q: %w", c.Name, text, err)
	}
	return nil
}

// unscaled is a decimal number without its point, with scale digits behind it.
func unscaled(text string, scale int) (int64, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > scale {
		return 0, fmt.Errorf("more than %d decimals", scale)
	}
	var digits [64]byte
	b := append(append(digits[:0], whole...), fraction...)
	for range scale - len(fraction) {
		b = append(b, '0')
	}
	return strconv.ParseInt(string(b), 10, 64)
}

func (t *table) null(i int) { t.rows.Field(i).AppendNull() }

// end ends a row.
func (t *table) end() error {
	if t.n++; t.n == batchRows {
		return t.flush()
	}
	return nil
}

func (t *table) flush() error {
	batch := t.rows.NewRecordBatch()
	defer batch.Release()
	t.n = 0
	if err := t.out.WriteBuffered(batch); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

func (t *table) close() error {
	defer t.rows.Release()
	err := t.flush()
	if e := t.out.Close(); e != nil {
		err = errors.Join(err, fmt.Errorf("end the Parquet file: %w", e))
	}
	return err
}

// appendValue appends a value of JSON to column i.
func (t *table) appendValue(i int, value any) error {
	switch v := value.(type) {
	case *bool:
		t.rows.Field(i).(*array.BooleanBuilder).Append(*v)
	case *int64:
		t.rows.Field(i).(*array.Int64Builder).Append(*v)
	case *float64:
		t.rows.Field(i).(*array.Float64Builder).Append(*v)
	case json.RawMessage:
		t.rows.Field(i).(*array.StringBuilder).Append(string(v))
	case *string:
		return t.append(i, *v)
	}
	return nil
}
