package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/intercept"
	"dip/internal/interval"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/process"
)

// errDied stands for whatever ends an invocation: a kill, a timeout, a lost answer.
var errDied = errors.New("died")

// signer signs as KMS does.
type signer struct{ *ecdsa.PrivateKey }

func (s signer) Sign(_ context.Context, digest [sha256.Size]byte) ([]byte, error) {
	return ecdsa.SignASN1(crand.Reader, s.PrivateKey, digest[:])
}

func (s signer) PublicKey(context.Context) (*ecdsa.PublicKey, error) {
	return &s.PrivateKey.PublicKey, nil
}

var key = func() signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		panic(err)
	}
	return signer{k}
}()

// world is the whole lane in memory: a stream, its mappings and functions, the ledger and the lake, on a clock that
// only the test moves. Any operation of a function may fail before or after its effect, or let another invocation run
// first.
type world struct {
	*testing.T
	*rand.Rand
	seed     uint64
	now      time.Time
	settings contract.Stream
	catalogs []string // keys; the last one is deployed
	segments *process.Segments
	stream   *kinesis
	lake     *laketest.Fake
	ledger   *ledgertest.Fake
	witness  *mapping
	process  *mapping
	faults   int // in 1,000 operations
	depth    int // of invocations within operations of others
	zombies  []func()
	puts     []put           // all records that are in the stream
	promised map[string]bool // values that the gateway answered with a success
	values   int             // given to records
	requests int             // sent to the gateway
	open     *contract.Interval

	announced map[string]bool // loads whose event was sent
}

// put is a record in the stream. All records that are not repeats have different values.
type put struct{ value, id string }

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{T: t, Rand: rand.New(rand.NewPCG(seed, 7)), seed: seed, faults: 40, lake: laketest.New("lake"),
		ledger: ledgertest.New(), announced: map[string]bool{}, promised: map[string]bool{}, now: time.Date(2026, 1, 31, 23, 57, 13, 0, time.UTC)}
	w.settings = contract.Stream{Name: "readings", IntervalSeconds: 60, GraceSeconds: 5, DueSeconds: 600,
		LookBackSeconds: w.IntN(3) * 60}
	w.segments = &process.Segments{Catalogs: &catalog.Reader{Lake: w.lake}}
	w.deploy("")
	w.stream = newKinesis(&w.now, 1+w.IntN(3))
	w.stream.step = func() int64 { return 1 + w.Int64N(1<<20) }
	w.stream.skew = func() time.Duration {
		if w.IntN(25) == 0 {
			return time.Duration(w.IntN(150)) * time.Second
		}
		return 0
	}
	w.witness = &mapping{stream: w.stream, factor: 1, retries: -1, lanes: map[*shard][]*lane{}}
	w.witness.invoke = func(s *shard, batch []contract.StreamRecord) *string {
		return w.invoke(func() error { return w.newWitness().Handle(t.Context(), event(s, batch)) })
	}
	w.process = &mapping{stream: w.stream, factor: 1 + w.IntN(10), retries: 4, lanes: map[*shard][]*lane{}}
	w.process.invoke = func(s *shard, batch []contract.StreamRecord) (again *string) {
		failed := w.invoke(func() error {
			response, err := w.newProcessor().Handle(t.Context(), event(s, batch))
			for _, f := range response.BatchItemFailures {
				again = &f.ItemIdentifier
			}
			return err
		})
		if failed != nil {
			return failed
		}
		return again
	}
	return w
}

// deploy stores a catalog, which applies from now on.
func (w *world) deploy(note string) {
	w.Helper()
	c := contract.Catalog{Version: contract.Version, Segments: map[string]contract.Segment{"readings": {
		Dialect: contract.Dialect{Encoding: contract.NDJSON}, MaxRecordMB: 1, MaxPartitions: 1, Stream: &w.settings,
		Compression: contract.Zstd1, // the cheapest
		Schema: json.RawMessage(`{"title":"` + note + `","fields":[{"name":"v","type":"integer",` +
			`"constraints":{"required":true}},{"name":"room","type":"string"}]}`),
		Partition: contract.Partition{Field: "room", By: "value"},
	}}}
	at, data, err := c.Encode()
	if err != nil {
		w.Fatal(err)
	}
	w.lake.Put("lake", at, data)
	w.catalogs = append(w.catalogs, at)
}

// invoke runs a function once, or twice as a zombie does; "" says that the mapping takes it for failed.
func (w *world) invoke(run func() error) (failed *string) {
	if w.IntN(20) == 0 {
		w.zombies = append(w.zombies, func() { _ = run() })
	}
	err := run()
	lost := w.faults > 0 && w.IntN(12) == 0
	if err != nil || lost {
		return new(string)
	}
	return nil
}

// trouble decides what happens to an operation.
func (w *world) trouble(effect string) error {
	if w.faults == 0 {
		return nil
	}
	if w.depth < 2 && w.IntN(60) == 0 {
		w.depth++
		w.deliver()
		w.depth--
	}
	if w.IntN(1000) < w.faults {
		return fmt.Errorf("%w %s its effect", errDied, effect)
	}
	return nil
}

func (w *world) hands() (*ledgertest.Fake, *laketest.Fake) {
	return w.ledger.With(intercept.Hooks[ledgertest.Op]{
			Before: func(ledgertest.Op) error { return w.trouble("before") },
			After:  func(ledgertest.Op) error { return w.trouble("after") },
		}), w.lake.With(intercept.Hooks[laketest.Op]{
			Before: func(laketest.Op) error { return w.trouble("before") },
			After:  func(laketest.Op) error { return w.trouble("after") },
		})
}

func (w *world) newWitness() *Witness {
	books, objects := w.hands()
	return &Witness{Segment: "readings", Ledger: books, Sink: objects, Shards: w.stream, Log: quiet}
}

func (w *world) newProcessor() *Processor {
	books, objects := w.hands()
	return &Processor{Segment: "readings", Catalog: w.catalogs[len(w.catalogs)-1], Code: "c0de", Runtime: "1",
		Ledger: books, Sink: objects, Log: quiet, Now: func() time.Time { return w.now },
		Segments: w.segments}
}

func (w *world) newCloser() *Closer {
	books, objects := w.hands()
	return &Closer{Stack: "dev", Processor: w.newProcessor(), Ledger: books, Lake: objects, Stream: w.stream, Signer: key,
		Announce: w.announce, Log: quiet, Pause: func(context.Context, time.Duration) error { return nil }}
}

// announce sends the event of an interval.
func (w *world) announce(_ context.Context, load ledger.Load) error {
	if load.Status != contract.Published || load.Totals == nil {
		w.Errorf("seed %d: load %s is announced as %s with totals %v", w.seed, load.ID, load.Status, load.Totals)
	}
	if err := w.trouble("before"); err != nil {
		return err
	}
	w.announced[load.ID] = true
	return w.trouble("after")
}

var quiet = slog.New(slog.DiscardHandler)

// produce puts one record: mostly good ones, some with an id, and some of what no table wants.
func (w *world) produce() {
	value := fmt.Sprint(w.values)
	w.values++
	data := fmt.Appendf(nil, `{"v":%s,"room":"hall"}`, value)
	p := put{value: value}
	switch w.IntN(12) {
	case 0: // it does not fit the schema
		data = fmt.Appendf(nil, `{"v":"x%s"}`, value)
	case 1:
		data = fmt.Appendf(nil, "{\"v\":%s}\n{\"v\":%s}\n", value, value)
	case 2:
		data = append([]byte("\xf3\x89\x9a\xc2"), value...)
	case 3: // more partitions than a batch may have
		data = fmt.Appendf(nil, `{"v":%s,"room":"other%s"}`, value, value)
	case 4, 5, 6:
		p.id = fmt.Sprint("id", w.IntN(30))
		var err error
		if data, err = interval.Envelope(p.id, data); err != nil {
			w.Fatal(err)
		}
	}
	w.puts = append(w.puts, p)
	w.stream.put(fmt.Sprint("key", w.IntN(50)), data)
}

// deliver has one of the mappings deliver a batch somewhere.
func (w *world) deliver() {
	m := w.witness
	if w.IntN(2) == 0 {
		m = w.process
	}
	s := w.stream.shards[w.IntN(len(w.stream.shards))]
	m.deliver(s, w.IntN(m.factor), 1+w.IntN(20))
}

// rows are the values of the field v in a Parquet file.
func (w *world) rows(data string) (values []string) {
	r, err := file.NewParquetReader(strings.NewReader(data))
	if err != nil {
		w.Fatal(err)
	}
	defer r.Close()
	fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		w.Fatal(err)
	}
	table, err := fr.ReadTable(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	defer table.Release()
	for _, a := range table.Column(0).Data().Chunks() {
		for i := range a.Len() {
			values = append(values, a.ValueStr(i))
		}
	}
	return values
}

// rejected are the lines of a quarantine.
func (w *world) rejected(data string) (list []contract.Rejected) {
	z, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		w.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		w.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		var r contract.Rejected
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			w.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}
