package verify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/record"
	"dip/tableschema"
)

// verdict is the outcome of one record.
type verdict struct {
	end  int64  // offset after the record, line end included
	raw  string // sum over its bytes
	row  string // its values; "" when it is quarantined
	fits bool
}

func (v verdict) String() string {
	if v.fits {
		return fmt.Sprintf("to byte %d: fits, values %q of %.8s", v.end, v.row, v.raw)
	}
	return fmt.Sprintf("to byte %d: quarantined, %.8s", v.end, v.raw)
}

// dataPlane asks the parser that makes the outputs for its verdicts, record by record.
func dataPlane(s *tableschema.Schema, d contract.Dialect, columns []int, width int, data []byte) ([]verdict, error) {
	p, err := record.NewParser(s, d, columns, record.Options{MaxRows: 1, MaxRejects: 1, Width: width})
	if err != nil {
		return nil, err
	}
	b := record.NewBatch(p.Types())
	var list []verdict
	for i := 0; i < len(data); {
		r := p.Parse(b, data[i:], true)
		i += r.Consumed
		switch {
		case r.Accepted == 1 && r.Rejected == 0:
			list = append(list, verdict{end: int64(i), raw: r.AcceptedSum.String(), row: string(batchRow(b).b), fits: true})
			b.Reset()
		case r.Rejected == 1 && r.Accepted == 0:
			if at := i - r.Consumed + r.Rejects[0].End; at != i {
				return nil, fmt.Errorf("the record rejected up to byte %d ends at byte %d", at, i)
			}
			list = append(list, verdict{end: int64(i), raw: r.RejectedSum.String()})
		case r.Consumed == 0 || r.Accepted+r.Rejected > 0:
			return nil, fmt.Errorf("at byte %d: %+v", i, r)
		}
	}
	return list, nil
}

// batchRow is the only row of a batch in the form that the verifier compares.
func batchRow(b *record.Batch) (r row) {
	for i := range b.Columns {
		c := &b.Columns[i]
		switch {
		case c.Present[0] == 0:
			r.null()
		case c.Kind == record.Bool:
			r.bool(c.Bools[0])
		case c.Kind == record.Float64:
			r.float(c.Floats[0])
		case c.Kind == record.String || c.Kind == record.JSON:
			r.text(c.Value(0))
		default:
			r.int(c.Ints[0])
		}
	}
	return r
}

// verifier asks the verifier for its verdicts.
func verifier(s *tableschema.Schema, d contract.Dialect, columns []int, width int, data []byte) ([]verdict, error) {
	r := &reader{in: bufio.NewReaderSize(bytes.NewReader(data), 64), dialect: d, width: width}
	var list []verdict
	for {
		rec, err := r.next()
		if decompress.Ended(err) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		var raw sum
		raw.add(rec.bytes)
		v := verdict{end: rec.end, raw: raw.String()}
		if values, err := values(s, d, columns, width, rec); err == nil {
			v.row, v.fits = string(values.b), true
		}
		list = append(list, v)
	}
}

// layout gives the columns of a schema's fields in records of an input, as a header of random names and order says.
func (r source) layout(s *tableschema.Schema, d contract.Dialect) (columns []int, width int) {
	if d.Encoding == contract.NDJSON {
		return nil, 0
	}
	width = len(s.Fields)
	if !d.Header || r.once(2) {
		return nil, width
	}
	width += r.IntN(3)
	columns = r.Perm(width)[:len(s.Fields)]
	for i := range columns {
		if r.once(6) && !s.Fields[i].Required {
			columns[i] = -1
		}
	}
	return columns, width
}

// inputs of one schema.
const inputsOfSchema = 20

// differential compares the verdicts of data plane and verifier on n inputs, and says how many records there were.
func differential(t *testing.T, seed uint64, n int) (fit, quarantined int) {
	for ; n > 0; seed++ {
		r := newSource(seed)
		d := r.dialect()
		s, raw := r.schema(d)
		columns, width := r.layout(s, d)
		for range min(inputsOfSchema, n) {
			n--
			var data []byte
			if d.Encoding == contract.CSV {
				data = r.csv(s, d, columns, width)
			} else {
				data = r.ndjson(s)
			}
			data = r.mutate(data, d)
			got, err := dataPlane(s, d, columns, width, data)
			if err != nil {
				t.Fatalf("seed %d: %q: %v\n%+v\n%s", seed, data, err, d, raw)
			}
			want, err := verifier(s, d, columns, width, data)
			if err != nil {
				t.Fatalf("seed %d: %q: %v\n%+v\n%s", seed, data, err, d, raw)
			}
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Errorf("seed %d: data plane and verifier disagree on record %d of %q\ndata plane %v\nverifier   %v\n%+v "+
						"columns %v width %d\n%s",
						seed, i, data, got[min(i, len(got)):], want[min(i, len(want)):], d, columns, width, raw)
					return fit, quarantined
				}
				if got[i].fits {
					fit++
				} else {
					quarantined++
				}
			}
		}
	}
	return fit, quarantined
}

// long gives the number of inputs and the first seed of a differential test: DIP_DIFFERENTIAL and DIP_DIFFERENTIAL_SEED
// where they are set.
func long(short int) (inputs int, seed uint64) {
	inputs, seed = short, 1
	if n, err := strconv.Atoi(os.Getenv("DIP_DIFFERENTIAL")); err == nil {
		inputs = n
	}
	if n, err := strconv.ParseUint(os.Getenv("DIP_DIFFERENTIAL_SEED"), 10, 64); err == nil {
		seed = n
	}
	return inputs, seed
}

// Data plane and verifier are written independently, and agree on every record of every input. The seeded run
// is short; see long for others.
func TestDataPlaneAndVerifierAgree(t *testing.T) {
	inputs, seed := long(20_000)
	began := time.Now()
	fit, quarantined := differential(t, seed, inputs)
	t.Logf("%d inputs from seed %d: %d records fit, %d are quarantined; %s", inputs, seed, fit, quarantined,
		time.Since(began).Round(time.Second))
	if fit < inputs/4 || quarantined < inputs/4 {
		t.Errorf("the inputs do not tell good from bad: %d and %d records of %d inputs", fit, quarantined, inputs)
	}
}

// file is a whole input: with a byte order mark, blank lines and a header, each of them or none, and compressed or not.
func (r source) file(t *testing.T, s *tableschema.Schema, d contract.Dialect) []byte {
	var b bytes.Buffer
	if r.once(4) {
		b.WriteString("\ufeff")
	}
	if d.Encoding == contract.NDJSON {
		b.Write(r.mutate(r.ndjson(s), d))
	} else {
		columns, width := r.layout(s, d)
		if d.Header {
			names := make([]string, width)
			for i := range names {
				names[i] = fmt.Sprint("other", i)
			}
			for i := range s.Fields {
				column := i
				if columns != nil {
					column = columns[i]
				}
				if column >= 0 {
					names[column] = s.Fields[i].Name
				}
			}
			if r.once(8) {
				b.WriteString(r.pick("\n", "\r\n", "\n\n"))
			}
			for i, name := range names {
				if i > 0 {
					b.WriteString(d.Delimiter)
				}
				if d.Quote != "" && (strings.ContainsAny(name, d.Delimiter+d.Quote) || r.once(4)) {
					name = d.Quote + strings.ReplaceAll(name, d.Quote, d.Quote+d.Quote) + d.Quote
				}
				b.WriteString(name)
			}
			b.WriteString(r.pick("\n", "\r\n"))
		}
		b.Write(r.mutate(r.csv(s, d, columns, width), d))
	}
	if r.once(8) {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(b.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return z.Bytes()
	}
	return b.Bytes()
}

// loadsOf is how many inputs of the test above there are for a whole load: each takes a hundred times as long.
const loadsOf = 200

// Whole loads verify, from the header to the last Parquet file, wherever they are cut.
func TestWholeLoadsOfAllKindsVerify(t *testing.T) {
	inputs, seed := long(20_000)
	refused := 0
	for i := range uint64(inputs / loadsOf) {
		r := newSource(seed + i)
		d := r.dialect()
		s, raw := r.schema(d)
		content := r.file(t, s, d)
		w, why := ingest(t, things(d, string(raw)), content, 8+r.Int64N(120))
		if why != "" {
			refused++
			continue
		}
		w.holds(t, fmt.Sprintf("seed %d: %q as %+v, %s", seed+i, content, d, raw))
	}
	t.Logf("%d of %d inputs have no header that matches", refused, inputs/loadsOf)
	if refused > inputs/loadsOf/2 {
		t.Errorf("%d of %d loads were refused", refused, inputs/loadsOf)
	}
}
