package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"dip/internal/record"
)

type columnMeta struct{ *metadata.ColumnChunkMetaData }

func chunkMeta(t *testing.T, data []byte, group int) []columnMeta {
	t.Helper()
	rg := openParquet(t, data).MetaData().RowGroup(group)
	metas := make([]columnMeta, rg.NumColumns())
	for i := range metas {
		m, err := rg.ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		metas[i] = columnMeta{m}
	}
	return metas
}

// dataPages is the set of the data pages' encodings.
func (m columnMeta) dataPages() map[int]bool {
	pages := map[int]bool{}
	for _, s := range m.EncodingStats() {
		if s.PageType == pageData {
			pages[int(s.Encoding)] = true
		}
	}
	return pages
}

func TestSchema(t *testing.T) {
	data, _ := encode(t, allTypes(), nil, Options{CreatedBy: "app version 7"}, every(1))
	r := openParquet(t, data)
	if got := r.MetaData().GetCreatedBy(); got != "app version 7" {
		t.Errorf("created by %q", got)
	}
	none := schema.ConvertedTypes.None
	for i, want := range []struct {
		physical, logical string
		converted         schema.ConvertedType
	}{
		{"BOOLEAN", "None", none},
		{"INT64", "None", none},
		{"DOUBLE", "None", none},
		{"INT64", "Decimal(precision=12, scale=3)", schema.ConvertedTypes.Decimal},
		{"BYTE_ARRAY", "String", schema.ConvertedTypes.UTF8},
		{"BYTE_ARRAY", "String", schema.ConvertedTypes.UTF8},
		{"INT32", "Date", schema.ConvertedTypes.Date},
		{"INT64", "Time(isAdjustedToUTC=false, timeUnit=microseconds)", none},
		{"INT64", "Timestamp(isAdjustedToUTC=false, timeUnit=microseconds, is_from_converted_type=false, " +
			"force_set_converted_type=false)", none},
		{"INT64", "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds, is_from_converted_type=false, " +
			"force_set_converted_type=false)",
			schema.ConvertedTypes.TimestampMicros},
	} {
		c := r.MetaData().Schema.Column(i)
		if c.PhysicalType().String() != want.physical || c.LogicalType().String() != want.logical ||
			c.ConvertedType() != want.converted {
			t.Errorf("column %s is %s %s %s, want %v", c.Name(), c.PhysicalType(), c.LogicalType(), c.ConvertedType(), want)
		}
		if c.MaxDefinitionLevel() != 1 {
			t.Errorf("column %s is not optional", c.Name())
		}
	}
}

func TestStatistics(t *testing.T) {
	f64 := func(v float64) []byte { return le64(math.Float64bits(v)) }
	i64 := func(v int64) []byte { return le64(uint64(v)) }
	a70 := strings.Repeat("a", 70)
	negZero := math.Copysign(0, -1)
	for name, c := range map[string]struct {
		typ      record.Type
		values   []any
		min, max []byte
		nulls    int64
	}{
		"int":            {record.Type{Kind: record.Int64}, []any{int64(3), nil, int64(-4), int64(9)}, i64(-4), i64(9), 1},
		"negative date":  {record.Type{Kind: record.Date}, []any{int64(-3), int64(2)}, i64(-3)[:4], i64(2)[:4], 0},
		"bool":           {record.Type{Kind: record.Bool}, []any{true, false, nil}, []byte{0}, []byte{1}, 1},
		"only true":      {record.Type{Kind: record.Bool}, []any{true, nil}, []byte{1}, []byte{1}, 1},
		"float with NaN": {record.Type{Kind: record.Float64}, []any{math.NaN(), 2.5, -1.0}, f64(-1), f64(2.5), 0},
		"only NaN":       {record.Type{Kind: record.Float64}, []any{math.NaN()}, nil, nil, 0},
		"only infinity":  {record.Type{Kind: record.Float64}, []any{math.Inf(1)}, f64(math.Inf(1)), f64(math.Inf(1)), 0},
		"positive zero":  {record.Type{Kind: record.Float64}, []any{0.0, 1.0}, f64(negZero), f64(1), 0},
		"negative zero":  {record.Type{Kind: record.Float64}, []any{negZero, -1.0}, f64(-1), f64(0), 0},
		"all null":       {record.Type{Kind: record.String}, []any{nil, nil}, nil, nil, 2},
		"text":           {record.Type{Kind: record.String}, []any{"zé", "z", "é", ""}, []byte{}, []byte("é"), 0},
		"long text":      {record.Type{Kind: record.String}, []any{a70}, []byte(a70[:64]), []byte(a70[:63] + "b"), 0},
		"exactly fits":   {record.Type{Kind: record.String}, []any{a70[:64]}, []byte(a70[:64]), []byte(a70[:64]), 0},
		"no text above":  {record.Type{Kind: record.String}, []any{strings.Repeat("\U0010ffff", 20)}, nil, nil, 0},
		"cut character": {record.Type{Kind: record.String}, []any{a70[:63] + "é"}, []byte(a70[:63]), []byte(a70[:62] + "b"),
			0},
	} {
		t.Run(name, func(t *testing.T) {
			c.typ.Name = "x"
			var rows [][]any
			for _, v := range c.values {
				rows = append(rows, []any{v})
			}
			wantBounds(t, c.typ, rows, c.min, c.max, c.nulls)
		})
	}
}

func wantBounds(t *testing.T, typ record.Type, rows [][]any, lo, hi []byte, nulls int64) {
	t.Helper()
	data, _ := encode(t, []record.Type{typ}, rows, Options{}, every(1))
	stats, err := chunkMeta(t, data, 0)[0].Statistics()
	if err != nil {
		t.Fatal(err)
	}
	if stats.NullCount() != nulls {
		t.Errorf("null count is %d, want %d", stats.NullCount(), nulls)
	}
	if stats.HasMinMax() != (lo != nil && hi != nil) {
		t.Fatalf("has min and max: %t, want %q and %q", stats.HasMinMax(), lo, hi)
	}
	if stats.HasMinMax() && (!bytes.Equal(stats.EncodeMin(), lo) || !bytes.Equal(stats.EncodeMax(), hi)) {
		t.Errorf("bounds are %q and %q, want %q and %q", stats.EncodeMin(), stats.EncodeMax(), lo, hi)
	}
}

// TestStatisticsOfRandomRows compares bounds with the rows, whatever encodings the rows have met.
func TestStatisticsOfRandomRows(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 21))
		types := allTypes()
		rows := randomRows(r, types, 6000)
		data, _ := encode(t, types, rows, Options{}, every(6000))
		for c, m := range chunkMeta(t, data, 0) {
			stats, err := m.Statistics()
			if err != nil {
				t.Fatal(err)
			}
			var lo, hi []byte
			nulls := int64(0)
			for _, row := range rows {
				if row[c] == nil {
					nulls++
				} else if v := plainValue(types[c], row[c]); v != nil {
					if lo == nil || less(types[c], v, lo) {
						lo = v
					}
					if hi == nil || less(types[c], hi, v) {
						hi = v
					}
				}
			}
			if stats.NullCount() != nulls || stats.HasMinMax() != (lo != nil) {
				t.Fatalf("seed %d, column %s: %d nulls, bounds %t, want %d nulls", seed, types[c].Name, stats.NullCount(),
					stats.HasMinMax(), nulls)
			}
			if lo == nil {
				continue
			}
			gotLo, gotHi := stats.EncodeMin(), stats.EncodeMax()
			if less(types[c], lo, gotLo) || less(types[c], gotHi, hi) {
				t.Errorf("seed %d, column %s: values from %q to %q are outside bounds %q to %q", seed, types[c].Name, lo, hi, gotLo,
					gotHi)
			}
			if len(lo) <= boundBytes && less(types[c], gotLo, lo) || len(hi) <= boundBytes && less(types[c], hi, gotHi) {
				t.Errorf("seed %d, column %s: bounds %q to %q are wider than %q to %q", seed, types[c].Name, gotLo, gotHi, lo, hi)
			}
		}
	}
}

// plainValue is a value in PLAIN form, nil for NaN.
func plainValue(typ record.Type, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return []byte{1}
		}
		return []byte{0}
	case float64:
		if math.IsNaN(v) {
			return nil
		}
		return le64(math.Float64bits(v))
	case string:
		return []byte(v)
	case int64:
		if typ.Kind == record.Date {
			return le64(uint64(v))[:4]
		}
		return le64(uint64(v))
	}
	return nil
}

func less(typ record.Type, a, b []byte) bool {
	switch typ.Kind {
	case record.Bool, record.String, record.JSON:
		return bytes.Compare(a, b) < 0
	case record.Float64:
		return math.Float64frombits(binary.LittleEndian.Uint64(a)) < math.Float64frombits(binary.LittleEndian.Uint64(b))
	case record.Date:
		return int32(binary.LittleEndian.Uint32(a)) < int32(binary.LittleEndian.Uint32(b))
	default:
		return int64(binary.LittleEndian.Uint64(a)) < int64(binary.LittleEndian.Uint64(b))
	}
}

func TestTextAbove(t *testing.T) {
	for in, want := range map[string]string{
		"a": "b", "az": "a{", "\x7f": "\u0080", "\ud7ff": "\ue000", "a\U0010ffff": "b", "": "", "\U0010ffff": "",
	} {
		got := string(textAbove([]byte(in)))
		if got != want || !utf8.ValidString(got) {
			t.Errorf("text above %q is %q, want %q", in, got, want)
		}
	}
}
