package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/process"
)

var (
	received = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	planned  = received.Add(1500 * time.Microsecond)
)

// world is a ledger with load L, its input, and a lake with its catalog.
type world struct {
	t       *testing.T
	ledger  *ledgertest.Fake
	lake    *laketest.Fake
	writes  []string // to the ledger
	read    int      // bytes of the input, by streams
	failure error    // of a stream, after a few bytes
	unseen  error    // of a Head of the object
	catalog []byte
}

var errThrottled = errors.New("throttled")

// land makes content the load's input.
func (w *world) land(content string) {
	o := w.lake.Put("landing", "things/a.csv", []byte(content))
	w.change(func(l *ledger.Load) { l.Object = o })
}

// pin makes a document the load's catalog.
func (w *world) pin(document []byte) {
	w.catalog = document
	key := contract.CatalogKey(document)
	w.lake.Put("lake", key, document)
	w.change(func(l *ledger.Load) { l.Catalog = key })
}

func (w *world) change(edit func(*ledger.Load)) {
	w.ledger.Change("L", func(l *ledger.Load, _ []ledger.Chunk) { edit(l) })
}

// stands is the load as the ledger has it.
func (w *world) stands() (ledger.Load, []ledger.Chunk) {
	w.t.Helper()
	load, err := w.ledger.Load(w.t.Context(), "L")
	chunks, cerr := w.ledger.Chunks(w.t.Context(), "L")
	if err != nil || cerr != nil {
		w.t.Fatal(err, cerr)
	}
	return load, chunks
}

// counter counts what is read of a stream.
type counter struct {
	io.Reader
	n *int
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += n
	return n, err
}

const tableSchema = `{"fields":[{"name":"id","type":"integer"},{"name":"note","type":"string"}],"fieldsMatch":"MATCH"}`

var loads = contract.Loads{ChunkBytes: 100, MaxContentBytes: maxContent}

const maxContent = 6 << 20

func start(t *testing.T, input string) (*world, *Planner) {
	t.Helper()
	csv := func(header bool, match string) contract.Segment {
		return contract.Segment{
			Dialect: contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: header},
			Schema:  json.RawMessage(strings.Replace(tableSchema, "MATCH", match, 1)), MaxRecordMB: 1, Loads: loads,
		}
	}
	_, document, err := contract.Catalog{Version: 1, Segments: map[string]contract.Segment{
		"things": csv(true, "exact"), "partial": csv(true, "partial"), "bare": csv(false, "exact"),
		"one": {
			Dialect: contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true},
			Schema:  json.RawMessage(`{"fields":[{"name":"id"}]}`), MaxRecordMB: 1, Loads: loads,
		},
		"readings": {
			Dialect: contract.Dialect{Encoding: contract.NDJSON}, Stream: &contract.Stream{Name: "readings"},
			Schema: json.RawMessage(`{"fields":[{"name":"id"}]}`), MaxRecordMB: 1, Loads: loads,
		},
		"lines": {
			Dialect:     contract.Dialect{Encoding: contract.NDJSON},
			Schema:      json.RawMessage(strings.Replace(tableSchema, "MATCH", "exact", 1)),
			MaxRecordMB: 1, Loads: loads,
		},
		"row": {
			Dialect: contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`},
			Schema:  json.RawMessage(`{"fields":[{"name":"id"}]}`), MaxRecordMB: 1, Loads: loads,
		},
	}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ledger: ledgertest.New(), lake: laketest.New("lake")}
	w.ledger.Seed(ledger.Load{ID: "L", Segment: "things", Received: received, Status: contract.Received})
	w.land(input)
	w.pin(document)
	w.ledger.Before = func(op ledgertest.Op) error {
		if op.Write {
			w.writes = append(w.writes, op.Name)
		}
		return nil
	}
	w.lake.Before = func(op laketest.Op) error {
		if op.Name == "Head" {
			return w.unseen
		}
		return nil
	}
	w.lake.Wrap = func(r io.Reader) io.Reader {
		if w.failure != nil {
			r = io.MultiReader(io.LimitReader(r, 10), iotest.ErrReader(w.failure))
		}
		return counter{r, &w.read}
	}
	return w, &Planner{
		Ledger: w.ledger, Source: w.lake, Versions: w.lake,
		Segments: &process.Segments{Catalogs: &catalog.Reader{Lake: w.lake}},
		Log:      slog.New(slog.DiscardHandler), Now: func() time.Time { return planned },
	}
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstded(t *testing.T, content string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(content), nil))
}

func TestPlan(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	rows := strings.Repeat("1,a\n", 60) // 240 bytes
	long := `"` + strings.Repeat("x", 300_000) + `"`
	type span struct{ start, end int64 }
	for _, c := range []struct {
		name, segment, input string
		want                 ledger.Plan
		chunks               []span
	}{
		{"header", "things", "id,note\n" + rows, ledger.Plan{Body: 8, Columns: []int{0, 1}, Width: 2},
			[]span{{8, 108}, {108, 208}, {208, 248}}},
		{"CRLF", "things", "id,note\r\n" + rows, ledger.Plan{Body: 9, Columns: []int{0, 1}, Width: 2},
			[]span{{9, 109}, {109, 209}, {209, 249}}},
		{"byte order mark", "things", bom + "id,note\n1,a\n", ledger.Plan{Body: 11, Columns: []int{0, 1}, Width: 2},
			[]span{{11, 15}}},
		{"quoted header", "things", "\"id\",\"note\"\n1,a\n", ledger.Plan{Body: 12, Columns: []int{0, 1}, Width: 2},
			[]span{{12, 16}}},
		{"other order, fields missing and added", "partial", "more,\"new\nline\",id\n1,2,3\n",
			ledger.Plan{Body: 19, Columns: []int{2, -1}, Width: 3}, []span{{19, 25}}},
		{"blank lines before the header", "things", "\n\r\n\nid,note\n1,a\n",
			ledger.Plan{Body: 12, Columns: []int{0, 1}, Width: 2}, []span{{12, 16}}},
		{"byte order mark and a blank line", "things", bom + "\r\nid,note\r\n1,a\n",
			ledger.Plan{Body: 14, Columns: []int{0, 1}, Width: 2}, []span{{14, 18}}},
		{"more blank lines than what is read at first", "things", strings.Repeat("\n", 300_000) + "id,note\n",
			ledger.Plan{Body: 300_008, Columns: []int{0, 1}, Width: 2}, nil},
		{"blank lines only", "things", "\n\r\n\r", ledger.Plan{Body: 4, Width: 2}, nil},
		{"a CR within quotes", "partial", "id,\"more\r\"\n1,a\n", ledger.Plan{Body: 11, Columns: []int{0, -1}, Width: 2},
			[]span{{11, 15}}},
		{"a CR amid the only column", "one", "id\na\rb\nc\n", ledger.Plan{Body: 3, Columns: []int{0}, Width: 1},
			[]span{{3, 9}}},
		{"a CR in quotes is all there is", "bare", "1,\"a\rb\"", ledger.Plan{Width: 2}, []span{{0, 7}}},
		{"one record that ends in CR", "bare", "\n\n1,a\r", ledger.Plan{Width: 2}, []span{{0, 6}}},
		{"blank lines before a record that ends in CR CR", "bare", "1,\"a\r\r\n\"\n", ledger.Plan{Width: 2}, []span{{0, 9}}},
		{"NDJSON, a CR between its members", "lines", "{\"id\":1,\r\"note\":\"}{\"}\r", ledger.Plan{}, []span{{0, 22}}},
		{"header only", "things", "id,note\n", ledger.Plan{Body: 8, Columns: []int{0, 1}, Width: 2}, nil},
		{"header without a line end", "things", "id,note", ledger.Plan{Body: 7, Columns: []int{0, 1}, Width: 2}, nil},
		{"empty", "things", "", ledger.Plan{Width: 2}, nil},
		{"byte order mark only", "things", bom, ledger.Plan{Body: 3, Width: 2}, nil},
		{"no header", "bare", rows, ledger.Plan{Width: 2}, []span{{0, 100}, {100, 200}, {200, 240}}},
		{"no header, byte order mark", "bare", bom + "1,a\n", ledger.Plan{Body: 3, Width: 2}, []span{{3, 7}}},
		{"NDJSON", "lines", "{\"id\":1}\n", ledger.Plan{}, []span{{0, 9}}},
		{"NDJSON, byte order mark", "lines", bom + "{}\n", ledger.Plan{Body: 3}, []span{{3, 6}}},
		{"NDJSON, empty", "lines", "", ledger.Plan{}, nil},
		{"a header longer than what is read at first", "partial", "id," + long + "\n1,a\n",
			ledger.Plan{Body: 300_006, Columns: []int{0, -1}, Width: 2}, []span{{300_006, 300_010}}},
		{"a header longer than that, and nothing else", "partial", "id," + long,
			ledger.Plan{Body: 300_005, Columns: []int{0, -1}, Width: 2}, nil},
		{"gzip", "things", gzipped(t, "id,note\n"+rows),
			ledger.Plan{Compression: contract.Gzip, Body: 8, Columns: []int{0, 1}, Width: 2}, []span{{8, -1}}},
		{"zstd", "things", zstded(t, bom+"id,note\n"+rows),
			ledger.Plan{Compression: contract.Zstd, Body: 11, Columns: []int{0, 1}, Width: 2}, []span{{11, -1}}},
		{"gzip of nothing", "things", gzipped(t, ""), ledger.Plan{Compression: contract.Gzip, Width: 2}, []span{{0, -1}}},
		{"gzip, a long header", "partial", gzipped(t, "id,"+long+"\n1,a\n"),
			ledger.Plan{Compression: contract.Gzip, Body: 300_006, Columns: []int{0, -1}, Width: 2}, []span{{300_006, -1}}},
		{"gzip of NDJSON", "lines", gzipped(t, "{}\n"), ledger.Plan{Compression: contract.Gzip}, []span{{0, -1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, s := start(t, c.input)
			w.change(func(l *ledger.Load) { l.Segment = c.segment })
			got, err := s.Handle(t.Context(), contract.WorkflowInput{Version: 1, Load: "L"})
			if err != nil {
				t.Fatal(err)
			}
			want := contract.StepResponse{Load: "L", Action: contract.ActionWait}
			if len(c.chunks) == 0 {
				want.Action = contract.ActionCertify
			}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if c.want.Compression == "" {
				c.want.Compression = contract.Plain
			}
			c.want.At, c.want.Chunks, c.want.Lane = received.Add(time.Millisecond), len(c.chunks), contract.Functions
			load, made := w.stands()
			if !reflect.DeepEqual(load.Plan, &c.want) || load.Status != contract.Running {
				t.Errorf("plan\ngot  %+v\nwant %+v", load, c.want)
			}
			var chunks []ledger.Chunk
			for i, r := range c.chunks {
				chunk := ledger.Chunk{Index: i, Start: r.start, End: r.end, Attempt: 1}
				if i == 0 {
					chunk.From = &c.want.Body
				}
				chunks = append(chunks, chunk)
			}
			if !reflect.DeepEqual(made, chunks) {
				t.Errorf("chunks\ngot  %+v\nwant %+v", made, chunks)
			}
			if n := w.lake.Streams(); n != 0 {
				t.Errorf("%d streams are left open", n)
			}
		})
	}
}

// A permanent error fails the load, with a reason that a person can act on.
func TestLoadsThatCannotBePlanned(t *testing.T) {
	const cr = "the lines of the input end in CR alone: write them with LF or CRLF"
	for _, c := range []struct{ name, segment, input, want string }{
		{"a key without a segment", "", "x",
			`the key "things/a.csv" does not name a segment: land files under <segment>/<name>`},
		{"an unknown segment", "tings", "x",
			`unknown segment "tings": this stack has ["bare" "lines" "one" "partial" "readings" "row" "things"]`},
		{"a segment of a stream", "readings", "{}\n", "segment readings takes records by stream, not files: the file stays"},
		{"another header", "things", "id,title\n1,a\n",
			"things/a.csv: the header does not match the schema of segment things"},
		{"no header although there should be one", "things", "1,a\n2,b\n", "the header does not match"},
		{"a field too many", "things", "id,note,more\n", "the header does not match"},
		{"UTF-16", "things", "\xff\xfei\x00d\x00", "the input begins with the byte order mark of UTF-16LE"},
		{"UTF-16", "lines", "\xfe\xff\x00{", "the input begins with the byte order mark of UTF-16BE"},
		{"compressed UTF-16", "things", gzipped(t, "\xff\xfei\x00d\x00"),
			"the content of the gzip input begins with the byte order mark of UTF-16LE"},
		{"gzip of gzip", "things", gzipped(t, gzipped(t, "id,note\n")),
			"the content of the gzip input is compressed with gzip: compress it once only"},
		{"zip", "things", "PK\x03\x04 a.csv", "the input is a zip archive"},
		{"a page", "lines", "<!doctype html><title>Sign in</title>", "the input is an HTML page"},
		{"an array", "lines", "[\n  {\"id\": 1}\n]\n",
			"the input is a JSON array, want one object a line: `jq -c '.[]' FILE"},
		{"objects over several lines", "lines", gzipped(t, "{\n  \"id\": 1\n}\n"),
			"the content of the gzip input has JSON objects over several lines"},
		{"bytes behind gzip", "things", gzipped(t, "id,note\n") + "\n",
			"the gzip input has 1 byte after the end of the compressed data"},
		{"an endless header", "things", "\"id" + strings.Repeat("x", 3<<20),
			"no header in the first 1 MiB (maxRecordMB): is its quote at byte 0 never closed?"},
		{"blank lines without end", "things", strings.Repeat("\n", 3<<20) + "id,note\n",
			"no header in the first 1 MiB (maxRecordMB)"},
		{"a header a byte too long", "things", strings.Repeat("x", 1<<20+1) + "\n1,a\n",
			"the header is longer than 1 MiB (maxRecordMB)"},
		{"a header a byte too long, and nothing else", "things", strings.Repeat("x", 1<<20+1),
			"the header is longer than 1 MiB (maxRecordMB)"},
		{"a header of the limit's length", "things", strings.Repeat("x", 1<<20) + "\r\n1,a\n", "the header does not match"},
		{"lines that end in CR alone", "things", "id,note\r1,a\r2,b\r",
			"things/a.csv: the header has a CR without LF: the lines of the input end in CR alone: write them with LF or CRLF"},
		{"records that end in CR alone", "things", "id,note\n1,a\r2,b\r", cr},
		{"records that end in CR alone, no header", "bare", "1,a\r2,b\r3,c", cr},
		{"records that end in CR alone, a last LF", "bare", "1,a\r2,b\r3,c\r\n\n", cr},
		{"records of one column that end in CR alone", "one", "id\na\rb", cr},
		{"records of one column that end in CR alone, no header", "row", "a\rb\rc\r", cr},
		{"many records of one column that end in CR alone", "row", strings.Repeat("some text\r", 30_000), cr},
		{"more records than one may be long", "row", strings.Repeat("some text\r", 300_000), cr},
		{"records that end in CR alone, gzip", "row", gzipped(t, "a\rb\r"), cr},
		{"NDJSON that ends in CR alone", "lines", "{\"id\":1}\r{\"id\":2}\r", cr},
		{"lines that end in CR CR LF", "things", "id,note\r\r\n1,a\r\r\n", "the lines of the input end in CR CR LF"},
		{"records that end in CR CR LF", "bare", "\r\n1,a\r\r\n2,b\r\r\n", "the lines of the input end in CR CR LF"},
		{"records that end in CR CR LF after a header", "things", "id,note\n1,a\r\r\n2,b\r\r\n",
			"the lines of the input end in CR CR LF"},
		{"lines that end in CR alone, quoted", "things", "\"id\",\"note\"\r\"1\",\"a\"\r", "the header has a CR without LF"},
		{"lines that end in CR alone, endlessly", "things", strings.Repeat("1,ä\r", 1<<20), "the header has a CR without LF"},
		{"lines that end in CR alone, extra columns", "partial", "id,note,more\r1,a,b\r", "the header has a CR without LF"},
		{"a blank line before the header of one field", "one", "\nid\n1\n", "the header does not match"},
		{"blanks before a quoted name", "things", "id, \"note\"\n1,a\n",
			"cannot parse the header: read the header: column 2 has blanks before its quote"},
		{"a header that is not CSV", "things", "\"id\"x,note\n1,a\n", "the header"},
		{"more than the stack takes", "bare", strings.Repeat("1,a\n", maxContent/4+1),
			"the input has more than 0.005859375 GiB of content (loads.maxContentGB)"},
		{"truncated gzip", "things", gzipped(t, "id,note\n1,a\n")[:15], "the gzip input is truncated"},
		{"damaged zstd", "things", zstded(t, "id,note\n")[:5], "the zstd input is"},
	} {
		w, s := start(t, c.input)
		w.change(func(l *ledger.Load) { l.Segment = c.segment })
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Version: 1, Load: "L"})
		if err != nil || got.Load != "L" || got.Action != contract.ActionFail || !strings.Contains(got.Cause, c.want) {
			t.Errorf("%s: %+v, %v; want %q", c.name, got, err, c.want)
		}
		if w.writes != nil || w.lake.Streams() != 0 {
			t.Errorf("%s: wrote %v, %d streams are left open", c.name, w.writes, w.lake.Streams())
		}
	}
}

func TestHeadIsBounded(t *testing.T) {
	w, s := start(t, "id,note\n"+strings.Repeat("1,a\n", 1_000_000))
	if _, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"}); err != nil {
		t.Fatal(err)
	}
	if w.read > headSize {
		t.Errorf("%d bytes were read to plan the load", w.read)
	}
}

// An event's size and ETag are not trusted: the size decides how much is read.
func TestWrongAnnouncementsFail(t *testing.T) {
	for want, change := range map[string]func(*contract.Object){
		"the object has 16 bytes, its event said 12": func(o *contract.Object) { o.Size = 12 },
		"the object has 16 bytes, its event said 0":  func(o *contract.Object) { o.Size = 0 },
		"the object has 16 bytes, its event said 17": func(o *contract.Object) { o.Size = 17 },
		`", its event said "other"`:                  func(o *contract.Object) { o.ETag = "other" },
	} {
		w, s := start(t, "id,note\n1,a\n2,b\n")
		w.change(func(l *ledger.Load) { change(&l.Object) })
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
		if err != nil || got.Action != contract.ActionFail || !strings.HasSuffix(got.Cause, want) || w.writes != nil ||
			w.read != 0 {
			t.Errorf("%+v, %v; want %q", got, err, want)
		}
	}
}

func TestDeletedObjectIsPermanent(t *testing.T) {
	w, s := start(t, "id,note\n1,a\n")
	w.failure = fault.Permanent(errors.New("no such version"))
	got, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
	if err != nil || got.Action != contract.ActionFail || !strings.Contains(got.Cause, "no such version") ||
		w.lake.Streams() != 0 {
		t.Errorf("%+v, %v, %d streams are left open", got, err, w.lake.Streams())
	}
	w.failure, w.unseen = nil, fault.Permanent(errors.New("gone"))
	got, err = s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
	if err != nil || got.Action != contract.ActionFail || got.Cause != "head the input: gone" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRetryableFailures(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"looking at it":      func(w *world) { w.unseen = errThrottled },
		"reading":            func(w *world) { w.failure = errThrottled },
		"reading compressed": func(w *world) { w.failure = errThrottled; w.land(gzipped(t, "id,note\n1,a\n")) },
		"writing the plan": func(w *world) {
			w.ledger.Before = func(op ledgertest.Op) error {
				if op.Name == "Plan" {
					return errThrottled
				}
				return nil
			}
		},
	} {
		w, s := start(t, "id,note\n1,a\n")
		prepare(w)
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
		if !errors.Is(err, errThrottled) || got.Action != "" || w.lake.Streams() != 0 {
			t.Errorf("%s: %+v, %v, %d streams are left open", name, got, err, w.lake.Streams())
		}
		if load, _ := w.stands(); load.Plan != nil {
			t.Errorf("%s: planned %+v", name, load.Plan)
		}
	}
	_, s := start(t, "")
	if _, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "M"}); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an unknown load: %v", err)
	}
}

// An input of exactly the limit is planned, and so is one of any size under a catalog that has no limit, in chunks of
// the default size.
func TestContentUpToTheLimit(t *testing.T) {
	for _, c := range []struct {
		size   int
		loads  contract.Loads
		chunks int
	}{{maxContent, contract.Loads{ChunkBytes: 1 << 20, MaxContentBytes: maxContent}, 6}, {130 << 20, contract.Loads{},
		2}} {
		w, s := start(t, strings.Repeat("1,a\n", c.size/4))
		w.change(func(l *ledger.Load) { l.Segment = "bare" })
		w.pin(changed(t, w.catalog, func(all *contract.Catalog) {
			bare := all.Segments["bare"]
			bare.Loads = c.loads
			all.Segments["bare"] = bare
		}))
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
		if _, chunks := w.stands(); err != nil || got.Action != contract.ActionWait || len(chunks) != c.chunks {
			t.Errorf("%d bytes, %+v: %+v, %v, %d chunks", c.size, c.loads, got, err, len(chunks))
		}
	}
}

// A repeated step keeps the existing plan, without reading the input.
func TestRepeatedPlan(t *testing.T) {
	for _, c := range []struct {
		chunks  int
		restage bool
		want    contract.Action
	}{{3, false, contract.ActionWait}, {0, false, contract.ActionCertify}, {0, true, contract.ActionWait}} {
		w, s := start(t, "garbage")
		w.change(func(l *ledger.Load) {
			l.Plan = &ledger.Plan{Chunks: c.chunks, Restage: c.restage}
			if c.restage {
				l.Restage = &ledger.Chunk{Index: ledger.RestageIndex}
			}
		})
		got, err := s.Handle(t.Context(), contract.WorkflowInput{Load: "L"})
		if err != nil || got.Action != c.want || w.writes != nil || w.read != 0 {
			t.Errorf("%d chunks: %+v, %v, wrote %v, %d bytes read", c.chunks, got, err, w.writes, w.read)
		}
	}
}
