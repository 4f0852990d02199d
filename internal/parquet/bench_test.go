package parquet

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"dip/internal/record"
)

// taxiBatches resemble a month of taxi trips: 16 columns, a few nulls, one column of free text.
func taxiBatches(batches, rows int) []*record.Batch {
	types := []record.Type{
		{Name: "vendor", Kind: record.Int64}, {Name: "pickup", Kind: record.Timestamp},
		{Name: "dropoff", Kind: record.Timestamp},
		{Name: "passengers", Kind: record.Int64}, {Name: "distance", Kind: record.Float64},
		{Name: "rate", Kind: record.Int64},
		{Name: "stored", Kind: record.String}, {Name: "from_zone", Kind: record.Int64}, {Name: "to_zone", Kind: record.Int64},
		{Name: "payment", Kind: record.Int64}, {Name: "fare", Kind: record.Float64}, {Name: "extra", Kind: record.Float64},
		{Name: "tip", Kind: record.Float64}, {Name: "tolls", Kind: record.Float64}, {Name: "total", Kind: record.Float64},
		{Name: "note", Kind: record.String},
	}
	words := []string{"late", "airport", "north exit", "two bags", "paid, cash", "called \"twice\"", "no show",
		"wheelchair"}
	r := rand.New(rand.NewPCG(7, 7))
	now := int64(1_700_000_000)
	var out []*record.Batch
	for range batches {
		b := record.NewBatch(types)
		for range rows {
			now += int64(r.IntN(3))
			var passengers, note any
			if r.IntN(50) > 0 {
				passengers = int64(1 + r.IntN(5))
			}
			if r.IntN(4) == 0 {
				note = words[r.IntN(8)] + ", " + words[r.IntN(8)] + fmt.Sprint(" ", r.IntN(100_000))
			}
			miles := float64(r.IntN(2500)) / 100
			fare := float64(int(miles*250)+300) / 100
			tip := float64(r.IntN(1000)) / 100
			appendRow(b, int64(1+r.IntN(2)), now*1e6, (now+int64(r.IntN(3000)))*1e6, passengers, miles, int64(1+r.IntN(20)/18),
				[]string{"N", "N", "N", "Y"}[r.IntN(4)], int64(1+r.IntN(265)), int64(1+r.IntN(265)), int64(1+r.IntN(4)),
				fare, float64(r.IntN(3))/2, tip, float64(r.IntN(10)/9)*6.55, fare+tip, note)
		}
		out = append(out, b)
	}
	return out
}

func batchBytes(batches []*record.Batch) int64 {
	n := 0
	for _, b := range batches {
		n += b.Size()
	}
	return int64(n)
}

func BenchmarkWriter(b *testing.B) {
	batches := taxiBatches(40, 16_384)
	b.SetBytes(batchBytes(batches))
	for b.Loop() {
		w, err := NewWriter(io.Discard, typesOf(batches[0]), Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, batch := range batches {
			if err := w.Write(batch); err != nil {
				b.Fatal(err)
			}
		}
		stats, err := w.Close()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(stats.Bytes), "file-bytes")
	}
}

// BenchmarkArrow is Apache Arrow's writer with the same codec and level, its defaults otherwise, on the same batches.
func BenchmarkArrow(b *testing.B) {
	batches := taxiBatches(40, 16_384)
	records, schema := arrowRecords(b, batches)
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(3))
	b.SetBytes(batchBytes(batches))
	for b.Loop() {
		var size countingWriter
		w, err := pqarrow.NewFileWriter(schema, &size, props, pqarrow.DefaultWriterProps())
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range records {
			if err := w.WriteBuffered(r); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size), "file-bytes")
	}
}

type countingWriter int64

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}

func typesOf(b *record.Batch) []record.Type {
	types := make([]record.Type, len(b.Columns))
	for i := range types {
		types[i] = b.Columns[i].Type
	}
	return types
}

func arrowRecords(tb testing.TB, batches []*record.Batch) ([]arrow.RecordBatch, *arrow.Schema) {
	var fields []arrow.Field
	for _, t := range typesOf(batches[0]) {
		f := arrow.Field{Name: t.Name, Nullable: true, Type: arrow.PrimitiveTypes.Int64}
		switch t.Kind {
		case record.Float64:
			f.Type = arrow.PrimitiveTypes.Float64
		case record.String:
			f.Type = arrow.BinaryTypes.String
		case record.Timestamp:
			f.Type = &arrow.TimestampType{Unit: arrow.Microsecond}
		}
		fields = append(fields, f)
	}
	schema := arrow.NewSchema(fields, nil)
	var out []arrow.RecordBatch
	for _, b := range batches {
		rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range b.Columns {
			appendArrow(tb, rb.Field(i), &b.Columns[i])
		}
		out = append(out, rb.NewRecordBatch())
	}
	return out, schema
}

func appendArrow(tb testing.TB, builder array.Builder, c *record.Column) {
	value := 0
	for _, p := range c.Present {
		if p == 0 {
			builder.AppendNull()
			continue
		}
		switch f := builder.(type) {
		case *array.Int64Builder:
			f.Append(c.Ints[value])
		case *array.TimestampBuilder:
			f.Append(arrow.Timestamp(c.Ints[value]))
		case *array.Float64Builder:
			f.Append(c.Floats[value])
		case *array.StringBuilder:
			f.Append(string(c.Value(value)))
		default:
			tb.Fatalf("no builder for %s", c.Kind)
		}
		value++
	}
}
