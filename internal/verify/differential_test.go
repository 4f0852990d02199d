package verify

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/record"
	"dip/internal/text"
	"dip/tableschema"
)

// verdict is the outcome of one record.
type verdict struct {
	end  int64  // offset after the record, line end included
	raw  string // sum over its bytes
	row  string // its values; "" when it is quarantined
	fits bool
	kept string // the bytes that are quarantined
}

func (v verdict) String() string {
	if v.fits {
		return fmt.Sprintf("to byte %d: fits, values %q of %.8s", v.end, v.row, v.raw)
	}
	return fmt.Sprintf("to byte %d: quarantined, %.8s: %q", v.end, v.raw, v.kept)
}

// verdicts are those of an input, and how much of it is comments.
type verdicts struct {
	list    []verdict
	skipped contract.Skipped
}

// dataPlane asks the parser that makes the outputs for its verdicts, record by record.
func dataPlane(
	s *tableschema.Schema, d contract.Dialect, columns []int, width int, raw []byte,
) (v verdicts, err error) {
	charset := text.Of(d.Charset)
	data, err := io.ReadAll(charset.Reader(bytes.NewReader(raw), 0))
	if err != nil {
		return v, err
	}
	p, err := record.NewParser(s, d, columns, record.Options{MaxRows: 1, MaxRejects: 1, Width: width, Length: charset.Len})
	if err != nil {
		return v, err
	}
	b := record.NewBatch(p.Types())
	at := int64(0)
	for i := 0; i < len(data); {
		r := p.Parse(b, data[i:], true)
		from := i
		i += r.Consumed
		at += charset.Len(data[from:i])
		v.skipped = v.skipped.Plus(r.Skipped)
		switch {
		case r.Accepted == 1 && r.Rejected == 0:
			v.list = append(v.list, verdict{end: at, raw: r.AcceptedSum.String(), row: string(batchRow(b).b), fits: true})
			b.Reset()
		case r.Rejected == 1 && r.Accepted == 0:
			reject := r.Rejects[0]
			if from+reject.End != i {
				return v, fmt.Errorf("the record rejected up to byte %d ends at byte %d", from+reject.End, i)
			}
			v.list = append(v.list, verdict{end: at, raw: r.RejectedSum.String(),
				kept: string(charset.Raw(data[from+reject.Start : i]))})
		case r.Consumed == 0 || r.Accepted+r.Rejected > 0:
			return v, fmt.Errorf("at byte %d: %+v", i, r)
		}
	}
	return v, nil
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
func verifier(
	s *tableschema.Schema, d contract.Dialect, columns []int, width int, data []byte,
) (v verdicts, err error) {
	r := newReader(bytes.NewReader(data), d, 64)
	r.width = width
	for {
		rec, err := r.next()
		if decompress.Ended(err) {
			return v, nil
		}
		if err != nil {
			return v, err
		}
		if rec.comment {
			v.skipped = v.skipped.Plus(contract.Skipped{Lines: 1, Bytes: rec.end - rec.start})
			continue
		}
		var raw sum
		raw.add(rec.bytes)
		one := verdict{end: rec.end, raw: raw.String()}
		if values, err := values(s, d, columns, width, rec); err == nil {
			one.row, one.fits = string(values.b), true
		} else {
			one.kept = string(data[rec.start:rec.end])
			if d.Charset != "" && one.kept != string(rec.input) {
				return v, fmt.Errorf("the record %q is read as %q", one.kept, rec.input)
			}
		}
		v.list = append(v.list, one)
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
			data = r.encode(r.mutate(data, d), d.Charset)
			ours, err := dataPlane(s, d, columns, width, data)
			if err != nil {
				t.Fatalf("seed %d: %q: %v\n%+v\n%s", seed, data, err, d, raw)
			}
			theirs, err := verifier(s, d, columns, width, data)
			if err != nil {
				t.Fatalf("seed %d: %q: %v\n%+v\n%s", seed, data, err, d, raw)
			}
			got, want := ours.list, theirs.list
			if ours.skipped != theirs.skipped {
				t.Errorf("seed %d: data plane skips %+v, verifier %+v of %q\n%+v", seed, ours.skipped, theirs.skipped, data, d)
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

// file is a whole input: with a byte order mark, blank lines and a header, each of them or none, the lines that the
// dialect skips, and compressed or not.
func (r source) file(t *testing.T, s *tableschema.Schema, d contract.Dialect) []byte {
	var b bytes.Buffer
	if d.Charset != contract.Windows1252 && d.Charset != contract.Latin1 && r.once(4) {
		b.WriteString("\ufeff")
	}
	for range d.SkipLines {
		b.WriteString(r.line("") + "\n")
	}
	if d.Encoding == contract.NDJSON {
		b.Write(r.mutate(r.ndjson(s), d))
	} else {
		columns, width := r.layout(s, d)
		if d.Header {
			r.header(&b, s, d, columns, width)
		}
		b.Write(r.mutate(r.csv(s, d, columns, width), d))
	}
	for i := range d.FooterLines {
		b.WriteString(r.line(""))
		if i < d.FooterLines-1 || r.once(2) {
			b.WriteString(r.pick("\n", "\r\n"))
		}
	}
	raw := r.encode(b.Bytes(), d.Charset)
	b = *bytes.NewBuffer(raw)
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

func (r source) header(b *bytes.Buffer, s *tableschema.Schema, d contract.Dialect, columns []int, width int) {
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
	if d.Comment != "" && r.once(2) {
		b.WriteString(r.line(d.Comment) + r.pick("\n", "\r\n"))
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
