// Package streamtest runs the incremental lane in memory, for tests of what reads intervals: records go in, certified
// intervals come out, made by the real witness, processor and closer.
package streamtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/emf"
	"dip/internal/interval"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/process"
	"dip/internal/stream"
)

// Segment is the name of the lane's segment. Its records have an integer "v", which is required.
const Segment = "readings"

// Start is when the stream is made.
var Start = time.Date(2026, 1, 31, 23, 57, 0, 0, time.UTC)

// Lane is a stream with its functions, ledger and lake, on a clock of its own.
type Lane struct {
	Ledger   *ledgertest.Fake
	Lake     *laketest.Fake
	Now      time.Time
	Settings contract.Stream
	Key      *ecdsa.PrivateKey // that certificates are signed with

	t         testing.TB
	catalog   string
	sequence  *big.Int
	shards    [][]contract.StreamRecord
	delivered []int // records of each shard that were delivered
	segments  *process.Segments
}

// New is a lane with intervals of a minute and a number of shards.
func New(t testing.TB, shards, lookBackSeconds int) *Lane {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := new(big.Int).SetString("49590338271490256608559692538361571095921575989136588898", 10)
	l := &Lane{
		Ledger: ledgertest.New(), Lake: laketest.New("lake"), Now: Start, Key: key, t: t, sequence: first,
		Settings: contract.Stream{Name: "readings-stream", IntervalSeconds: 60, GraceSeconds: 5, DueSeconds: 600,
			LookBackSeconds: lookBackSeconds},
		shards: make([][]contract.StreamRecord, shards), delivered: make([]int, shards),
	}
	l.segments = &process.Segments{Catalogs: &catalog.Reader{Lake: l.Lake}}
	c := contract.Catalog{Version: contract.Version, Segments: map[string]contract.Segment{Segment: {
		Dialect: contract.Dialect{Encoding: contract.NDJSON}, MaxRecordMB: 1, Stream: &l.Settings,
		Schema: json.RawMessage(`{"fields":[{"name":"v","type":"integer","constraints":{"required":true}}]}`),
	}}}
	at, data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	l.Lake.Put("lake", at, data)
	l.catalog = at
	return l
}

// Put puts a record into a shard; id may be "".
func (l *Lane) Put(shard int, id, record string) {
	l.t.Helper()
	data := []byte(record)
	if id != "" {
		var err error
		if data, err = interval.Envelope(id, data); err != nil {
			l.t.Fatal(err)
		}
	}
	l.add(shard, "key", data)
}

func (l *Lane) add(shard int, key string, data []byte) {
	l.sequence.Add(l.sequence, big.NewInt(1<<40))
	l.shards[shard] = append(l.shards[shard], contract.StreamRecord{Sequence: l.sequence.String(), At: l.Now.UnixMilli(),
		Key: key, Data: data})
}

// ShardID names a shard.
func ShardID(shard int) string { return fmt.Sprintf("shardId-%012d", shard) }

// Deliver hands what is new to the witness, and to the processor unless it is left out.
func (l *Lane) Deliver(process bool) {
	l.t.Helper()
	ctx := context.Background()
	for i, all := range l.shards {
		fresh := all[l.delivered[i]:]
		if l.delivered[i] = len(all); len(fresh) == 0 {
			continue
		}
		var e events.KinesisEvent
		for _, r := range fresh {
			e.Records = append(e.Records, events.KinesisEventRecord{
				EventID: ShardID(i) + ":" + r.Sequence,
				Kinesis: events.KinesisRecord{SequenceNumber: r.Sequence, PartitionKey: r.Key, Data: r.Data,
					ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: time.UnixMilli(r.At).UTC()}},
			})
		}
		w := &stream.Witness{Segment: Segment, Ledger: l.Ledger, Sink: l.Lake, Shards: l, Log: quiet}
		if err := w.Handle(ctx, e); err != nil {
			l.t.Fatal(err)
		}
		if !process {
			continue
		}
		if response, err := l.processor().Handle(ctx, e); err != nil || len(response.BatchItemFailures) > 0 {
			l.t.Fatal(response, err)
		}
	}
}

var quiet = slog.New(slog.DiscardHandler)

func (l *Lane) processor() *stream.Processor {
	return &stream.Processor{Segment: Segment, Catalog: l.catalog, Code: "c0de", Runtime: "1", Ledger: l.Ledger,
		Sink: l.Lake, Segments: l.segments, Log: quiet, Now: func() time.Time { return l.Now }}
}

// Close ends the interval that lasts: the clock moves behind it and its grace, markers are put and delivered, and the
// closer certifies. It returns the loads of the intervals that were certified.
func (l *Lane) Close() []string {
	l.t.Helper()
	l.Deliver(true)
	length := time.Duration(l.Settings.IntervalSeconds) * time.Second
	l.Now = l.Now.Truncate(length).Add(length + time.Duration(l.Settings.GraceSeconds)*time.Second)
	if _, err := l.closer().Close(context.Background()); err != nil {
		l.t.Fatal(err)
	}
	l.Deliver(true)
	r, err := l.closer().Close(context.Background())
	if err != nil || len(r.Certified) == 0 {
		l.t.Fatal(r, err)
	}
	return r.Certified
}

func (l *Lane) closer() *stream.Closer {
	return &stream.Closer{
		Stack: "dev", Processor: l.processor(), Ledger: l.Ledger, Lake: l.Lake, Stream: l, Signer: signer{l.Key}, Log: quiet,
		Pause:    func(context.Context, time.Duration) error { return nil },
		Announce: func(context.Context, ledger.Load) error { return nil },
		Metrics:  &emf.Emitter{Stack: "dev", Out: io.Discard, Now: func() time.Time { return l.Now }},
	}
}

// Shards lists the shards, all of them open.
func (l *Lane) Shards(context.Context) ([]stream.Shard, error) {
	var list []stream.Shard
	for i := range l.shards {
		list = append(list, stream.Shard{ID: ShardID(i), HashKey: strconv.Itoa(i)})
	}
	return list, nil
}

// Mark puts a record into the shard whose number the hash key is.
func (l *Lane) Mark(_ context.Context, hashKey string, data []byte) error {
	shard, err := strconv.Atoi(hashKey)
	if err == nil {
		l.add(shard, "marker", data)
	}
	return err
}

// Created is when the stream was made.
func (l *Lane) Created(context.Context) (time.Time, error) { return Start, nil }

// Retained gives the records of a shard that the stream still has; a test may change them.
func (l *Lane) Retained(shard int) []contract.StreamRecord { return l.shards[shard] }

// Trim forgets the first n records of a shard, as a stream does with old ones.
func (l *Lane) Trim(shard, n int) {
	l.shards[shard], l.delivered[shard] = l.shards[shard][n:], l.delivered[shard]-n
}

type signer struct{ *ecdsa.PrivateKey }

func (s signer) Sign(_ context.Context, digest [sha256.Size]byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, s.PrivateKey, digest[:])
}

func (s signer) PublicKey(context.Context) (*ecdsa.PublicKey, error) {
	return &s.PrivateKey.PublicKey, nil
}
