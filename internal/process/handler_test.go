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
	"dip/internal/ledger"
)

// book is a ledger that answers as it is told and remembers what it was asked.
type book struct {
	outcome  ledger.Outcome
	counts   bool // whether an end of work still counts
	claimErr error
	endErr   error

	claims   []ledger.Claim
	leases   []time.Time
	acks     []contract.Ack
	failures []string
	released []string
	ended    []ledger.Claim

	handedBack int
}

func (b *book) Claim(_ context.Context, c ledger.Claim, now, until time.Time) (ledger.Outcome, error) {
	b.claims, b.leases = append(b.claims, c), append(b.leases, until)
	return b.outcome, b.claimErr
}

func (b *book) Acknowledge(_ context.Context, c ledger.Claim, ack contract.Ack) (bool, error) {
	b.acks, b.ended = append(b.acks, ack), append(b.ended, c)
	return b.counts, b.endErr
}

func (b *book) FailChunk(_ context.Context, c ledger.Claim, reason string) (bool, error) {
	b.failures, b.ended = append(b.failures, reason), append(b.ended, c)
	return b.counts, b.endErr
}

func (b *book) Release(_ context.Context, c ledger.Claim, lastError string) (bool, error) {
	b.released, b.ended = append(b.released, lastError), append(b.ended, c)
	return b.counts, b.endErr
}

func (b *book) HandBack(_ context.Context, c ledger.Claim) (bool, error) {
	b.handedBack, b.ended = b.handedBack+1, append(b.ended, c)
	return b.counts, b.endErr
}

// shelf is a lake with one catalog.
type shelf struct {
	data  []byte
	err   error
	reads int
}

func (s *shelf) Get(context.Context, string) ([]byte, error) {
	s.reads++
	return s.data, s.err
}

func things() contract.Catalog {
	return contract.Catalog{Version: contract.Version, Segments: map[string]contract.Segment{
		"things": {Dialect: commas, Schema: json.RawMessage(madeSchema), MaxRecordMB: 1, Queue: "q"},
	}}
}

type bench struct {
	*Handler
	book  *book
	world *world
	shelf *shelf
	now   time.Time
}

func newBench(t *testing.T, input string) *bench {
	t.Helper()
	_, data, err := things().Encode()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{book: &book{outcome: ledger.Granted, counts: true}, world: newWorld([]byte(input)), shelf: &shelf{data: data}, now: received}
	b.Handler = &Handler{
		Name: "things", Code: "c0de", Runtime: "7", Ledger: b.book, Source: b.world, Sink: b.world,
		Segments: &Segments{Catalogs: &catalog.Reader{Lake: b.shelf}}, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { b.now = b.now.Add(1500 * time.Microsecond); return b.now },
	}
	return b
}

func (b *bench) message(change func(*contract.ChunkMessage)) string {
	from := int64(0)
	m := contract.ChunkMessage{
		Version: contract.Version, Load: "L", Segment: "things", Catalog: contract.CatalogKey(b.shelf.data),
		Object:      contract.Object{Bucket: "landing", Key: "things/a", VersionID: "v1", Size: int64(len(b.world.input))},
		Compression: contract.Plain, Width: 3, LoadDate: "2026-01-31", Chunk: 4, Attempt: 2, End: int64(len(b.world.input)), From: &from,
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
	if len(b.book.acks) != 1 {
		t.Fatalf("%d acknowledgements", len(b.book.acks))
	}
	ack := b.book.acks[0]
	if ack.RowsOut != 2 || ack.Quarantined != 1 || ack.Code != "c0de" || ack.Runtime != "7" || ack.Attempt != 2 ||
		!ack.At.Equal(received.Add(3*time.Millisecond)) || ack.Millis != 1 {
		t.Errorf("got %+v", ack)
	}
	claim := b.book.claims[0]
	if claim.Load != "L" || claim.Chunk != 4 || claim.Attempt != 2 || !strings.HasPrefix(claim.Owner, "a/") || b.book.ended[0] != claim {
		t.Errorf("claimed %+v, ended %+v", claim, b.book.ended)
	}
	// The same message at another time is another owner: an invocation that died must not be mistaken for it.
	b.handle(t, t.Context(), b.message(nil))
	if b.book.claims[1].Owner == claim.Owner {
		t.Errorf("both own it as %s", claim.Owner)
	}
}

// A lease ends with the invocation, or after the longest time that one can take.
func TestLease(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.handle(t, t.Context(), b.message(nil))
	if want := received.Add(1500*time.Microsecond + 15*time.Minute); !b.book.leases[0].Equal(want) {
		t.Errorf("without a deadline: %s, want %s", b.book.leases[0], want)
	}
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	b.handle(t, ctx, b.message(nil))
	if !b.book.leases[1].Equal(deadline) {
		t.Errorf("with a deadline: %s, want %s", b.book.leases[1], deadline)
	}
}

// A worker renews its lease instead.
func TestLeaseOfAWorker(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.Lease = time.Minute
	b.handle(t, t.Context(), b.message(nil))
	if want := received.Add(1500*time.Microsecond + time.Minute); !b.book.leases[0].Equal(want) {
		t.Errorf("until %s, want %s", b.book.leases[0], want)
	}
}

func TestSkippedMessagesAreDone(t *testing.T) {
	for _, outcome := range []ledger.Outcome{ledger.Done, ledger.Superseded, ledger.Busy} {
		b := newBench(t, "1,x,a\n")
		b.book.outcome = outcome
		if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil || b.book.ended != nil || len(b.world.outputs) != 0 {
			t.Errorf("%s: failed %v, ended %v", outcome, failed, b.book.ended)
		}
	}
}

// A claim that was lost on the way: the work of whoever has it now counts, this message is done.
func TestLostClaim(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.book.counts = false
	if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil || len(b.book.acks) != 1 {
		t.Errorf("failed %v, acknowledged %v", failed, b.book.acks)
	}
}

func TestPermanentFailureIsRecorded(t *testing.T) {
	b := newBench(t, "1,\""+strings.Repeat("never closed\n", 400_000))
	if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil {
		t.Errorf("a failure that comes back was retried: %v", failed)
	}
	if len(b.book.failures) != 1 || !strings.Contains(b.book.failures[0], "is longer than 1 MiB") || b.book.released != nil || b.book.acks != nil {
		t.Errorf("recorded %q, released %q", b.book.failures, b.book.released)
	}
}

func TestRetryableFailureIsReleased(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	b.world.reader = broken(3)
	if failed := b.handle(t, t.Context(), b.message(nil)); !slices.Equal(failed, []string{"a"}) {
		t.Errorf("failed %v", failed)
	}
	if len(b.book.released) != 1 || !strings.Contains(b.book.released[0], errReset.Error()) || b.book.failures != nil || b.book.ended[0] != b.book.claims[0] {
		t.Errorf("released %q, recorded %q", b.book.released, b.book.failures)
	}
	b.world.reader = nil
	if failed := b.handle(t, t.Context(), b.message(nil)); failed != nil || len(b.book.acks) != 1 {
		t.Errorf("when it came again: failed %v", failed)
	}
}

// When the ledger does not answer, the message comes again, whatever became of the work.
func TestLedgerFailures(t *testing.T) {
	throttled := errors.New("throttled")
	b := newBench(t, "1,x,a\n")
	b.book.claimErr = throttled
	if failed := b.handle(t, t.Context(), b.message(nil)); !slices.Equal(failed, []string{"a"}) || len(b.world.outputs) != 0 {
		t.Errorf("claim: failed %v, %d outputs", failed, len(b.world.outputs))
	}
	for name, prepare := range map[string]func(*bench){
		"acknowledge": func(*bench) {},
		"fail":        func(b *bench) { b.shelf.data = []byte("{") },
		"release":     func(b *bench) { b.world.reader = broken(0) },
	} {
		b := newBench(t, "1,x,a\n")
		b.book.endErr = throttled
		prepare(b)
		if failed := b.handle(t, t.Context(), b.message(nil)); !slices.Equal(failed, []string{"a"}) || len(b.book.ended) != 1 {
			t.Errorf("%s: failed %v, ended %v", name, failed, b.book.ended)
		}
	}
}

// What this function cannot understand keeps failing, and so comes to the dead-letter queue; the rest of its batch is
// not held up.
func TestMessagesThatNobodyCanServe(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	failed := b.handle(t, t.Context(),
		"garbage", b.message(nil), b.message(func(m *contract.ChunkMessage) { m.Version = contract.Version + 1 }),
		b.message(func(m *contract.ChunkMessage) { m.Segment = "others" }), b.message(nil))
	if !slices.Equal(failed, []string{"a", "c", "d"}) || len(b.book.acks) != 2 || len(b.book.claims) != 2 {
		t.Errorf("failed %v, %d acknowledged, %d claimed", failed, len(b.book.acks), len(b.book.claims))
	}
}

func TestUnusableCatalog(t *testing.T) {
	for name, c := range map[string]struct {
		data      string
		err       error
		permanent bool
		want      string
	}{
		"no JSON":      {"{", nil, true, "segment catalog catalog/"},
		"from later":   {`{"v":2,"segments":{}}`, nil, true, "version 2, this code reads up to 1"},
		"no segment":   {`{"v":1,"segments":{}}`, nil, true, `unknown segment "things"`},
		"broken":       {`{"v":1,"segments":{"things":{"schema":{"fields":[{"name":"a","type":"colour"}]}}}}`, nil, true, "schema of segment things"},
		"not there":    {"", fault.Permanent(errors.New("no such key")), true, "no such key"},
		"out of reach": {"", errReset, false, errReset.Error()},
	} {
		b := newBench(t, "1,x,a\n")
		b.shelf.data, b.shelf.err = []byte(c.data), c.err
		failed := b.handle(t, t.Context(), b.message(nil))
		said := append(b.book.failures, b.book.released...)
		if (failed == nil) != c.permanent || (b.book.failures != nil) != c.permanent || len(said) != 1 || !strings.Contains(said[0], c.want) {
			t.Errorf("%s: failed %v, recorded %q, released %q", name, failed, b.book.failures, b.book.released)
		}
	}
}

func TestSegmentsAreCompiledOnce(t *testing.T) {
	b := newBench(t, "1,x,a\n")
	key := contract.CatalogKey(b.shelf.data)
	for range 3 {
		b.handle(t, t.Context(), b.message(nil))
	}
	first, err := b.Segments.Segment(t.Context(), key, "things")
	if err != nil || b.shelf.reads != 1 {
		t.Errorf("%d reads, %v", b.shelf.reads, err)
	}
	second, err := b.Segments.Segment(t.Context(), key, "things")
	if err != nil || first != second {
		t.Errorf("compiled twice: %v", err)
	}
	// A failure is not kept.
	b = newBench(t, "1,x,a\n")
	b.shelf.err = errReset
	if _, err := b.Segments.Segment(t.Context(), key, "things"); !errors.Is(err, errReset) {
		t.Errorf("got %v", err)
	}
	b.shelf.err = nil
	if _, err := b.Segments.Segment(t.Context(), key, "things"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestCompile(t *testing.T) {
	for by := range transforms {
		p := contract.Partition{Field: "day", By: by}
		s, err := Compile("things", contract.Segment{Dialect: commas, Schema: json.RawMessage(`{"fields":[{"name":"day","type":"date"}]}`), Partition: p})
		if err != nil || s.Partition.Column() != p.Column() {
			t.Errorf("by %s: the column is %s, the contract says %s; %v", by, s.Partition.Column(), p.Column(), err)
		}
	}
	good := contract.Segment{Dialect: commas, Schema: json.RawMessage(`{"fields":[{"name":"id","type":"integer"},{"name":"day","type":"date"}]}`), MaxRecordMB: 3}
	s, err := Compile("things", good)
	if err != nil || s.Name != "things" || s.MaxRecord != 3<<20 || s.Partition != nil || len(s.Types) != 2 || s.Dialect != commas {
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
		{func(s *contract.Segment) { s.Partition = contract.Partition{Field: "day", By: "hour"} }, `by "hour": want one of ["day" "month" "value" "year"]`},
		{func(s *contract.Segment) { s.Partition = contract.Partition{Field: "nope", By: "day"} }, "partition of segment things"},
		{func(s *contract.Segment) { s.Partition = contract.Partition{Field: "id", By: "day"} }, "partition of segment things"},
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
