package parquet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dip/internal/record"
)

// partitioned writes rows in batches and returns the files by path.
func partitioned(
	t *testing.T, types []record.Type, rows [][]any, spec *Partition, opts Options, cut func() int,
) map[string][]byte {
	t.Helper()
	bufs := map[string]*bytes.Buffer{}
	p, err := NewPartitioner(types, spec, opts, func(path string) (io.Writer, error) {
		if bufs[path] != nil {
			t.Errorf("path %s is opened twice", path)
		}
		bufs[path] = &bytes.Buffer{}
		return bufs[path], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for len(rows) > 0 {
		n := min(cut(), len(rows))
		if err := p.Write(batchOf(types, rows[:n])); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
	outputs, err := p.Close()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var paths []string
	for _, o := range outputs {
		data := bufs[o.Path].Bytes()
		if o.Bytes != int64(len(data)) || o.SHA256 != sha256.Sum256(data) || o.Rows != int64(len(readRows(t, data))) {
			t.Errorf("output %s: wrong stats %+v for %d bytes", o.Path, o.Stats, len(data))
		}
		files[o.Path] = data
		paths = append(paths, o.Path)
	}
	if len(bufs) != len(outputs) || !slices.IsSorted(paths) {
		t.Errorf("outputs %v for %d opened paths", paths, len(bufs))
	}
	return files
}

func TestPartitionPaths(t *testing.T) {
	for _, c := range []struct {
		kind      record.Kind
		transform Transform
		value     any
		want      string
	}{
		{record.String, Identity, "plain text", "x=plain text"},
		{record.String, Identity, "a/b=c%d:é\x7f\n[^]", "x=a%2Fb%3Dc%25d%3Aé%7F%0A%5B%5E%5D"},
		{record.String, Identity, "", "x=__HIVE_DEFAULT_PARTITION__"},
		{record.String, Identity, NullPartition, "x=%5F_HIVE_DEFAULT_PARTITION__"},
		{record.String, Identity, "null", "x=%6Eull"},
		{record.String, Identity, "NULL", "x=%4EULL"},
		{record.String, Identity, "nulls", "x=nulls"},
		{record.String, Identity, nil, "x=__HIVE_DEFAULT_PARTITION__"},
		{record.Int64, Identity, int64(-7), "x=-7"},
		{record.Bool, Identity, true, "x=true"},
		{record.Bool, Identity, false, "x=false"},
		{record.Date, Identity, int64(19_753), "x=2024-01-31"},
		{record.Date, Day, int64(-1), "x_day=1969-12-31"},
		{record.Date, Month, int64(19_753), "x_month=2024-01"},
		{record.Date, Year, int64(-719_162), "x_year=0001"},
		{record.Timestamp, Day, int64(-1), "x_day=1969-12-31"},
		{record.Timestamp, Day, int64(0), "x_day=1970-01-01"},
		{record.Timestamp, Month, int64(1_706_659_200_000_000), "x_month=2024-01"},
		{record.Timestamp, Year, int64(1_706_659_200_000_000), "x_year=2024"},
		{record.Timestamp, Year, nil, "x_year=__HIVE_DEFAULT_PARTITION__"},
	} {
		types := []record.Type{{Name: "other", Kind: record.Bool}, {Name: "x", Kind: c.kind}}
		files := partitioned(t, types, [][]any{{true, c.value}}, &Partition{Field: "x", Transform: c.transform}, Options{},
			every(1))
		if _, ok := files[c.want]; !ok || len(files) != 1 {
			t.Errorf("%s of %s %v gives paths %v, want %s", c.transform, c.kind, c.value, slices.Collect(maps.Keys(files)),
				c.want)
		}
	}
}

// TestPartitionRows checks that every row is in the file of its value, in order, whatever the batches and the memory,
// and that neither batches change a byte.
func TestPartitionRows(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 11))
		types := allTypes()
		rows := randomRows(r, types, 1+r.IntN(6000))
		stay := 1 + r.IntN(3000)
		want := map[string][][]any{}
		for i, row := range rows {
			row[4] = fmt.Sprint("part ", i/stay%5*r.IntN(1+int(seed)%3))
			if i%10 == 0 && seed%2 == 1 {
				row[4] = nil
			}
			path := "label=" + NullPartition
			if row[4] != nil {
				path = "label=" + row[4].(string)
			}
			want[path] = append(want[path], row)
		}
		spec := &Partition{Field: "label"}
		opts := Options{BufferBytes: []int{0, 10_000}[r.IntN(2)]}
		files := partitioned(t, types, rows, spec, opts, every(len(rows)))
		if len(files) != len(want) {
			t.Errorf("seed %d: %d files, want %d", seed, len(files), len(want))
		}
		for path, data := range files {
			wantRows(t, types, data, want[path])
		}
		again := partitioned(t, types, rows, spec, opts, func() int { return 1 + r.IntN(2000) })
		for path, data := range files {
			if !bytes.Equal(data, again[path]) {
				t.Errorf("seed %d: other batches change the bytes of %s", seed, path)
			}
		}
	}
}

func TestNoPartition(t *testing.T) {
	types := allTypes()
	rows := randomRows(rand.New(rand.NewPCG(9, 9)), types, 3000)
	files := partitioned(t, types, rows, nil, Options{}, every(1000))
	plain, _ := encode(t, types, rows, Options{}, every(3000))
	if !bytes.Equal(files[""], plain) || len(files) != 1 {
		t.Errorf("%d files, want one that equals the Writer's", len(files))
	}
	if files := partitioned(t, types, nil, nil, Options{}, every(1)); len(files) != 0 {
		t.Errorf("%d files without rows, want none", len(files))
	}
}

// TestPartitionMemory fills many partitions at once: row groups must be written early to keep within the bound.
func TestPartitionMemory(t *testing.T) {
	types := []record.Type{{Name: "part", Kind: record.Int64}, {Name: "n", Kind: record.Int64},
		{Name: "s", Kind: record.String}}
	const bound = 4 << 20
	groups := 0
	p, err := NewPartitioner(types, &Partition{Field: "part"}, Options{BufferBytes: bound},
		func(string) (io.Writer, error) {
			return io.Discard, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(4, 4))
	for range 8 {
		b := record.NewBatch(types)
		for range routeRows {
			appendRow(b, int64(r.IntN(50)), int64(r.Uint64()), fmt.Sprint(r.Uint64()))
		}
		if err := p.Write(b); err != nil {
			t.Fatal(err)
		}
		if n := p.Buffered(); n > bound {
			t.Fatalf("the outputs hold %d bytes, want at most %d", n, bound)
		}
	}
	outputs, err := p.Close()
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	for _, o := range outputs {
		rows += o.Rows
		groups += o.RowGroups
	}
	if rows != 8*routeRows || groups <= len(outputs) {
		t.Errorf("%d rows in %d row groups of %d outputs", rows, groups, len(outputs))
	}
}

func TestPartitionErrors(t *testing.T) {
	types := []record.Type{{Name: "n", Kind: record.Int64}, {Name: "s", Kind: record.String},
		{Name: "f", Kind: record.Float64}}
	discard := func(string) (io.Writer, error) { return io.Discard, nil }
	var rows [][]any
	for i := range 4 {
		rows = append(rows, []any{int64(i), strings.Repeat("/", 100*i), nil})
	}
	write := func(spec Partition, open func(string) (io.Writer, error)) error {
		p, err := NewPartitioner(types, &spec, Options{MaxPartitions: 3}, open)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Write(batchOf(types, rows))
		if again := p.Write(batchOf(types, nil)); !errors.Is(again, err) {
			t.Errorf("error after %v is %v", err, again)
		}
		if _, again := p.Close(); !errors.Is(again, err) {
			t.Errorf("error of Close after %v is %v", err, again)
		}
		return err
	}
	var limit *PartitionLimitError
	if err := write(Partition{Field: "n"}, discard); !errors.As(err, &limit) || limit.Limit != 3 || limit.Field != "n" {
		t.Errorf("error is %v, want a limit of 3", err)
	}
	var value *PartitionValueError
	if err := write(Partition{Field: "s"}, discard); !errors.As(err, &value) || value.Length != 602 {
		t.Errorf("error is %v, want a length of 602", err)
	}
	if err := write(Partition{Field: "n"}, func(string) (io.Writer, error) { return nil, errFull }); !errors.Is(err,
		errFull) {
		t.Errorf("error is %v, want %v", err, errFull)
	}
	if err := write(Partition{Field: "n"}, func(string) (io.Writer, error) { return &failAfter{}, nil }); !errors.Is(err,
		errFull) {
		t.Errorf("error is %v, want %v", err, errFull)
	}
	for _, spec := range []Partition{{Field: "none"}, {Field: "f"}, {Field: "n", Transform: Day},
		{Field: "s", Transform: 9}} {
		if err := spec.Check(types); err == nil || !strings.Contains(err.Error(), spec.Field) {
			t.Errorf("check of %v: error is %v", spec, err)
		}
		if _, err := NewPartitioner(types, &spec, Options{}, discard); err == nil {
			t.Errorf("partitioner by %v: no error", spec)
		}
	}
}

func TestTransformText(t *testing.T) {
	for want := range Year + 1 {
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Transform
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Errorf("%s reads back as %s: %v", text, got, err)
		}
	}
	var got Transform
	if err := got.UnmarshalText([]byte("hour")); err == nil ||
		!strings.Contains(err.Error(), "identity, day, month, year") {
		t.Errorf("error is %v, want one that lists the transforms", err)
	}
}
