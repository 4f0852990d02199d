package process

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
)

func things() contract.Catalog {
	return contract.Catalog{Version: contract.Version, Segments: map[string]contract.Segment{
		"things": {Dialect: commas, Schema: json.RawMessage(madeSchema), MaxRecordMB: 1, Queue: "q"},
	}}
}

// bench is a handler with its ledger, which has one chunk to process, and its lake, which has a catalog.
type bench struct {
	*Handler
	ledger  *ledgertest.Fake
	asked   []string         // of the ledger
	refused map[string]error // what the ledger's operations fail with, by name
	world   *world
	catalog string
	now     time.Time
}

func newBench(t *testing.T, input string) *bench {
	t.Helper()
	_, data, err := things().Encode()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{ledger: ledgertest.New(), refused: map[string]error{}, world: newWorld([]byte(input)), now: received}
	b.pin(data)
	b.open(nil)
	b.ledger.Before = func(op ledgertest.Op) error {
		b.asked = append(b.asked, op.Name)
		return b.refused[op.Name]
	}
	b.Handler = &Handler{
		Name: "things", Code: "c0de", Runtime: "7", Ledger: b.ledger, Source: b.world, Sink: b.world,
		Segments: &Segments{Catalogs: &catalog.Reader{Lake: b.world}}, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { b.now = b.now.Add(1500 * time.Microsecond); return b.now },
	}
	return b
}

// pin has messages name a catalog.
func (b *bench) pin(data []byte) {
	b.catalog = contract.CatalogKey(data)
	b.world.Put("lake", b.catalog, data)
}

// open makes chunk 4 one that is to be processed, edited by change.
func (b *bench) open(change func(*ledger.Chunk)) {
	c := ledger.Chunk{Index: 4, Attempt: 2}
	if change != nil {
		change(&c)
	}
	b.ledger.Seed(ledger.Load{ID: "L"}, c, ledger.Chunk{Index: 5, Attempt: 1})
}

func (b *bench) piece() ledger.Chunk { return b.ledger.Piece("L", 4) }

func (b *bench) message(change func(*contract.ChunkMessage)) string {
	from := int64(0)
	m := contract.ChunkMessage{
		Version: contract.Version, Load: "L", Segment: "things", Catalog: b.catalog, Object: b.world.input,
		Compression: contract.Plain, Width: 3, LoadDate: "2026-01-31", Chunk: 4, Attempt: 2, End: b.world.input.Size,
		From: &from,
	}
	if change != nil {
		change(&m)
	}
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(body)
}

func (b *bench) handle(t *testing.T, ctx context.Context, bodies ...string) (failed []string) {
	t.Helper()
	var batch events.SQSEvent
	for i, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: string(rune('a' + i)), Body: body})
	}
	response, err := b.Handle(ctx, batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range response.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func TestHandleAcknowledges(t *testing.T) {
	b := newBench(t, "1,x,a\n2,y,b\nbad\n")
	if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil {
		t.Fatalf("failed: %v", failed)
	}
	first := b.piece()
	ack := first.Ack
	if ack == nil || !slices.Equal(b.asked, []string{"Claim", "Acknowledge"}) {
		t.Fatalf("asked the ledger for %v: %+v", b.asked, first)
	}
	if ack.RowsOut != 2 || ack.Quarantined != 1 || ack.Code != "c0de" || ack.Runtime != "7" || ack.Attempt != 2 ||
		!ack.At.Equal(received.Add(3*time.Millisecond)) || ack.Millis != 1 {
		t.Errorf("got %+v", ack)
	}
	if first.Attempt != 2 || !strings.HasPrefix(first.Owner, "a/") {
		t.Errorf("claimed %+v", first)
	}
	// A redelivered message is another owner: an invocation that died must not be mistaken for it.
	b.open(nil)
	if b.handle(t, t.Context(), b.message(nil)); b.piece().Owner == first.Owner || b.piece().Ack == nil {
		t.Errorf("both own it as %s", first.Owner)
	}
}

// A lease expires with the invocation, or after the longest time that one can take.
func TestLease(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.handle(t, t.Context(), b.message(nil))
	if want := received.Add(time.Millisecond + 15*time.Minute); !b.piece().LeaseUntil.Equal(want) {
		t.Errorf("without a deadline: %s, want %s", b.piece().LeaseUntil, want)
	}
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	b.open(nil)
	b.handle(t, ctx, b.message(nil))
	if !b.piece().LeaseUntil.Equal(deadline.Truncate(time.Millisecond)) {
		t.Errorf("with a deadline: %s, want %s", b.piece().LeaseUntil, deadline)
	}
}

// A worker renews its lease instead.
func TestLeaseOfAWorker(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.Lease = time.Minute
	b.handle(t, t.Context(), b.message(nil))
	if want := received.Add(time.Millisecond + time.Minute); !b.piece().LeaseUntil.Equal(want) {
		t.Errorf("until %s, want %s", b.piece().LeaseUntil, want)
	}
}

func TestSkippedMessagesAreDone(t *testing.T) {
	for outcome, change := range map[ledger.Outcome]func(*ledger.Chunk){
		ledger.Done:       func(c *ledger.Chunk) { c.Ack = &contract.Ack{} },
		ledger.Superseded: func(c *ledger.Chunk) { c.Attempt = 3 },
		ledger.Busy:       func(c *ledger.Chunk) { c.Owner, c.LeaseUntil = "other", received.Add(time.Hour) },
	} {
		b := newBench(t, "1,x,a\n")
		b.open(change)
		if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil || !slices.Equal(b.asked, []string{"Claim"}) ||
			len(b.world.outputs()) != 0 {
			t.Errorf("%s: failed %v, asked for %v", outcome, failed, b.asked)
		}
	}
}

// A claim that was lost meanwhile: the new holder's work counts, and this message is done.
func TestLostClaim(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.world.After = func(op laketest.Op) error {
		if op.Write {
			b.open(func(c *ledger.Chunk) { c.Attempt = 3 })
		}
		return nil
	}
	if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil || !slices.Contains(b.asked, "Acknowledge") ||
		b.piece().Ack != nil {
		t.Errorf("failed %v, asked for %v: %+v", failed, b.asked, b.piece())
	}
}

func TestPermanentFailureIsRecorded(t *testing.T) {
	b := newBench(t, "1,\""+strings.Repeat("never closed\n", 400_000))
	if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil {
		t.Errorf("a failure that comes back was retried: %v", failed)
	}
	if c := b.piece(); !strings.Contains(c.Failure, "is longer than 1 MiB") || c.LastError != "" || c.Ack != nil {
		t.Errorf("recorded %+v", c)
	}
}

func TestRetryableFailureIsReleased(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.world.Wrap = broken(3)
	if failed := b.handle(t, t.Context(), b.message(nil)); !slices.Equal(failed, []string{"a"}) {
		t.Errorf("failed %v", failed)
	}
	if c := b.piece(); !strings.Contains(c.LastError, errReset.Error()) || c.Failure != "" || c.Owner != "" {
		t.Errorf("recorded %+v", c)
	}
	b.world.Wrap = nil
	if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil || b.piece().Ack == nil {
		t.Errorf("when it came again: failed %v", failed)
	}
}

// When the ledger does not answer, the message is retried, whatever the outcome of the work.
func TestLedgerFailures(t *testing.T) {
	for name, prepare := range map[string]func(*bench){
		"Claim":       func(*bench) {},
		"Acknowledge": func(*bench) {},
		"FailChunk":   func(b *bench) { b.pin([]byte("{")) },
		"Release":     func(b *bench) { b.world.Wrap = broken(0) },
	} {
		b := newBench(t, "1,x,a\n")
		b.refused[name] = errors.New("throttled")
		prepare(b)
		failed := b.handle(t, t.Context(), b.message(nil))
		if !slices.Equal(failed, []string{"a"}) || b.asked[len(b.asked)-1] != name {
			t.Errorf("%s: failed %v, asked for %v", name, failed, b.asked)
		}
		if name == "Claim" && len(b.world.outputs()) != 0 {
			t.Errorf("without a claim: %v", b.world.outputs())
		}
	}
}

// A message that this function cannot parse keeps failing and ends up in the dead-letter queue, without holding up the
// rest of its batch.
func TestMessagesThatNobodyCanServe(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	failed := b.handle(t, t.Context(),
		"garbage", b.message(nil), b.message(func(m *contract.ChunkMessage) { m.Version = contract.Version + 1 }),
		b.message(func(m *contract.ChunkMessage) { m.Segment = "others" }),
		b.message(func(m *contract.ChunkMessage) { m.Chunk, m.Attempt = 5, 1 }))
	if want := []string{"Claim", "Acknowledge", "Claim", "Acknowledge"}; !slices.Equal(failed, []string{"a", "c", "d"}) ||
		!slices.Equal(b.asked, want) {
		t.Errorf("failed %v, asked for %v", failed, b.asked)
	}
	if b.piece().Ack == nil || b.ledger.Piece("L", 5).Ack == nil {
		t.Errorf("got %+v, %+v", b.piece(), b.ledger.Piece("L", 5))
	}
}

func TestUnusableCatalog(t *testing.T) {
	for name, c := range map[string]struct {
		data      string
		err       error
		permanent bool
		want      string
	}{
		"no JSON":    {"{", nil, true, "segment catalog catalog/"},
		"from later": {`{"v":2,"segments":{}}`, nil, true, "version 2, this code reads up to 1"},
		"no segment": {`{"v":1,"segments":{}}`, nil, true, `unknown segment "things"`},
		"broken": {`{"v":1,"segments":{"things":{"schema":{"fields":[{"name":"a","type":"colour"}]}}}}`, nil, true,
			"schema of segment things"},
		"not there":    {"", nil, true, "is deleted"},
		"out of reach": {"", errReset, false, errReset.Error()},
	} {
		b := newBench(t, "1,x,a\n")
		b.pin([]byte(c.data))
		if c.data == "" {
			b.world.Delete("lake", b.catalog)
		}
		b.world.broken["Get"] = c.err
		failed := b.handle(t, t.Context(), b.message(nil))
		k := b.piece()
		if said := k.Failure + k.LastError; (failed == nil) != c.permanent || (k.Failure != "") != c.permanent ||
			(k.LastError == "") != c.permanent || !strings.Contains(said, c.want) {
			t.Errorf("%s: failed %v, recorded %+v", name, failed, k)
		}
	}
}

func TestSegmentsAreCompiledOnce(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	for range 3 {
		b.open(nil)
		b.handle(t, t.Context(), b.message(nil))
	}
	first, err := b.Segments.Segment(t.Context(), b.catalog, "things")
	if err != nil || b.world.gets != 1 {
		t.Errorf("%d reads, %v", b.world.gets, err)
	}
	second, err := b.Segments.Segment(t.Context(), b.catalog, "things")
	if err != nil || first != second {
		t.Errorf("compiled twice: %v", err)
	}
	// A failure is not kept.
	b = newBench(t, "1,x,a\n")
	b.world.broken["Get"] = errReset
	if _, err := b.Segments.Segment(t.Context(), b.catalog, "things"); !errors.Is(err, errReset) {
		t.Errorf("got %v", err)
	}
	b.world.broken["Get"] = nil
	if _, err := b.Segments.Segment(t.Context(), b.catalog, "things"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestCompile(t *testing.T) {
	for by := range transforms {
		p := contract.Partition{Field: "day", By: by}
		s, err := Compile("things",
			contract.Segment{Dialect: commas, Schema: json.RawMessage(`{"fields":[{"name":"day","type":"date"}]}`),
				Partition: p})
		if err != nil || s.Partition.Column() != p.Column() {
			t.Errorf("by %s: the column is %s, the contract says %s; %v", by, s.Partition.Column(), p.Column(), err)
		}
	}
	good := contract.Segment{Dialect: commas,
		Schema: json.RawMessage(`{"fields":[{"name":"id","type":"integer"},{"name":"day","type":"date"}]}`), MaxRecordMB: 3}
	s, err := Compile("things", good)
	if err != nil || s.Name != "things" || s.MaxRecord != 3<<20 || s.Partition != nil || len(s.Types) != 2 ||
		s.Dialect != commas {
		t.Fatalf("got %+v, %v", s, err)
	}
	for by, column := range map[string]string{"value": "day", "day": "day_day", "month": "day_month", "year": "day_year"} {
		good.Partition = contract.Partition{Field: "day", By: by}
		if s, err := Compile("things", good); err != nil || s.Partition == nil || s.Partition.Column() != column {
			t.Errorf("by %s: %+v, %v", by, s, err)
		}
	}
	for _, c := range []struct {
		change func(*contract.Segment)
		want   string
	}{
		{func(s *contract.Segment) { s.Schema = json.RawMessage(`[]`) }, "schema of segment things"},
		{func(s *contract.Segment) { s.Dialect.Delimiter = "" }, "dialect of segment things"},
		{func(s *contract.Segment) { s.Partition = contract.Partition{Field: "day", By: "hour"} },
			`by "hour": want one of ["day" "month" "value" "year"]`},
		{func(s *contract.Segment) { s.Partition = contract.Partition{Field: "nope", By: "day"} },
			"partition of segment things"},
		{func(s *contract.Segment) { s.Partition = contract.Partition{Field: "id", By: "day"} },
			"partition of segment things"},
	} {
		s := good
		c.change(&s)
		if _, err := Compile("things", s); !fault.IsPermanent(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if s.block != blockSize {
		t.Errorf("a block of %d bytes", s.block)
	}
}
