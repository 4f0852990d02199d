package stream

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
)

// keys is the size of the space of hash keys; AWS has 2^128.
const keys = 1 << 16

// kinesis is a stream in memory with the rules of the real one.
type kinesis struct {
	now      *time.Time
	created  time.Time
	sequence *big.Int
	shards   []*shard
	skew     func() time.Duration // how much a clock is behind
	step     func() int64         // from one sequence number to the next
}

type shard struct {
	id       string
	parents  []*shard
	children []*shard
	from, to int // hash keys [from, to)
	records  []contract.StreamRecord
}

func newKinesis(now *time.Time, shards int) *kinesis {
	first, _ := new(big.Int).SetString("49590338271490256608559692538361571095921575989136588898", 10)
	k := &kinesis{now: now, created: *now, sequence: first}
	for i := range shards {
		k.add(i*keys/shards, (i+1)*keys/shards)
	}
	return k
}

func (k *kinesis) add(from, to int, parents ...*shard) {
	s := &shard{id: fmt.Sprintf("shardId-%012d", len(k.shards)), parents: parents, from: from, to: to}
	for _, p := range parents {
		p.children = append(p.children, s)
	}
	k.shards = append(k.shards, s)
}

// open lists the open shards by their hash keys.
func (k *kinesis) open() []*shard {
	list := slices.DeleteFunc(slices.Clone(k.shards), func(s *shard) bool { return len(s.children) > 0 })
	slices.SortFunc(list, func(a, b *shard) int { return a.from - b.from })
	return list
}

func (k *kinesis) split(s *shard) {
	if middle := (s.from + s.to) / 2; middle > s.from {
		k.add(s.from, middle, s)
		k.add(middle, s.to, s)
	}
}

func (k *kinesis) merge(a, b *shard) { k.add(a.from, b.to, a, b) }

// put adds a record to the shard that its partition key belongs to.
func (k *kinesis) put(key string, data []byte) { k.append(hash(key)%keys, key, data, k.skew()) }

func hash(key string) int {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() >> 1)
}

func (k *kinesis) append(hashKey int, key string, data []byte, behind time.Duration) {
	k.sequence.Add(k.sequence, new(big.Int).Lsh(big.NewInt(k.step()), 70))
	for _, s := range k.open() {
		if hashKey >= s.from && hashKey < s.to {
			s.records = append(s.records, contract.StreamRecord{Sequence: k.sequence.String(), Key: key, Data: data,
				At: k.now.Add(-behind).UnixMilli()})
		}
	}
}

// Shards lists all shards.
func (k *kinesis) Shards(context.Context) ([]Shard, error) {
	var list []Shard
	for _, s := range k.shards {
		out := Shard{ID: s.id, Closed: len(s.children) > 0, HashKey: strconv.Itoa(s.from)}
		for _, p := range s.parents {
			out.Parents = append(out.Parents, p.id)
		}
		list = append(list, out)
	}
	return list, nil
}

// Mark puts a record into the shard that has a hash key.
func (k *kinesis) Mark(_ context.Context, hashKey string, data []byte) error {
	at, err := strconv.Atoi(hashKey)
	if err == nil {
		k.append(at, "marker", data, 0)
	}
	return err
}

// Created is when the stream was made.
func (k *kinesis) Created(context.Context) (time.Time, error) { return k.created, nil }

// event is a batch as a function gets it.
func event(s *shard, list []contract.StreamRecord) events.KinesisEvent {
	var e events.KinesisEvent
	for _, r := range list {
		e.Records = append(e.Records, events.KinesisEventRecord{
			EventID: s.id + ":" + r.Sequence,
			Kinesis: events.KinesisRecord{SequenceNumber: r.Sequence, PartitionKey: r.Key, Data: r.Data,
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: time.UnixMilli(r.At).UTC()}},
		})
	}
	return e
}

// mapping delivers a stream to a function: in order within each lane of a shard, a child after its parents.
type mapping struct {
	stream  *kinesis
	factor  int
	retries int // of a batch; it is halved before each; -1: until it succeeds
	// invoke says from which sequence number on the batch has to be delivered again: nil if not at all, "" for all of it.
	invoke  func(s *shard, batch []contract.StreamRecord) (again *string)
	lanes   map[*shard][]*lane
	dropped int // records that were given up
}

type lane struct {
	next  int         // of the shard's records: those before it are queued or done
	queue []int       // sizes of batches that failed and were halved
	own   []int       // of the shard's records
	tries map[int]int // by the first record of a batch
	busy  bool
}

func (m *mapping) of(s *shard) []*lane {
	if m.lanes[s] == nil {
		for range m.factor {
			m.lanes[s] = append(m.lanes[s], &lane{tries: map[int]int{}})
		}
	}
	for i, l := range m.lanes[s] {
		for ; l.next < len(s.records); l.next++ {
			if hash(s.records[l.next].Key)%m.factor == i {
				l.own = append(l.own, l.next)
			}
		}
	}
	return m.lanes[s]
}

// left says whether anything of a shard, or of one before it, is not delivered.
func (m *mapping) left(s *shard) bool {
	return slices.ContainsFunc(s.parents, m.left) ||
		slices.ContainsFunc(m.of(s), func(l *lane) bool { return len(l.own) > 0 })
}

// deliver invokes the function with the next batch of a lane, of at most n records. It says whether there was one.
func (m *mapping) deliver(s *shard, at, n int) bool {
	if slices.ContainsFunc(s.parents, m.left) {
		return false
	}
	l := m.of(s)[at]
	if len(l.own) == 0 || l.busy {
		return false
	}
	l.busy = true
	defer func() { l.busy = false }()
	size := min(n, len(l.own))
	if len(l.queue) > 0 { // a batch that failed comes first, in the size that it was halved to
		size = l.queue[0]
	}
	batch := make([]contract.StreamRecord, size)
	for i, index := range l.own[:size] {
		batch[i] = s.records[index]
	}
	again := m.invoke(s, batch)
	done := size
	if again != nil {
		done = max(0, slices.IndexFunc(batch, func(r contract.StreamRecord) bool { return r.Sequence == *again }))
	}
	key := l.own[min(done, size-1)]
	l.own = l.own[done:]
	if len(l.queue) > 0 {
		l.queue = l.queue[1:]
	}
	rest := size - done
	if rest == 0 {
		return true
	}
	l.tries[key]++
	if m.retries >= 0 && l.tries[key] > m.retries {
		l.own, m.dropped = l.own[rest:], m.dropped+rest
		return true
	}
	halves := []int{rest / 2, rest - rest/2}
	if rest == 1 {
		halves = halves[1:]
	}
	l.queue = append(halves, l.queue...)
	return true
}
