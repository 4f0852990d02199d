package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/intercept"
	"dip/internal/interval"
	"dip/internal/lake/laketest"
	"dip/internal/ledger/ledgertest"
)

// calm is a world without trouble, with one shard.
func calm(t *testing.T) *world {
	w := newWorld(t, 1)
	w.faults, w.settings.LookBackSeconds = 0, 0
	w.stream = newKinesis(&w.now, 1)
	w.stream.step = func() int64 { return 1 }
	w.stream.skew = func() time.Duration { return 0 }
	return w
}

func (w *world) send(n int) []contract.StreamRecord {
	s := w.stream.shards[0]
	from := len(s.records)
	for i := range n {
		w.stream.put("k", fmt.Appendf(nil, `{"v":%d}`, from+i))
	}
	return s.records[from:]
}

func (w *world) archive(shard string) []contract.Archived {
	w.Helper()
	list, err := w.ledger.Archive(w.Context(), "readings", shard, "")
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// Redelivered batches, whole or in parts, add what is new and nothing else.
func TestTheWitnessArchivesEachRecordOnce(t *testing.T) {
	w := calm(t)
	all, s := w.send(10), w.stream.shards[0]
	for _, part := range [][2]int{{0, 4}, {0, 4}, {0, 2}, {2, 4}, {2, 7}, {4, 10}} {
		if err := w.newWitness().Handle(t.Context(), event(s, all[part[0]:part[1]])); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, b := range w.archive(s.id) {
		records, err := unpack(t.Context(), w.lake, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			got = append(got, r.Sequence)
		}
	}
	want := []string{}
	for _, r := range all {
		want = append(want, r.Sequence)
	}
	if !slices.Equal(got, want) || len(w.archive(s.id)) != 3 {
		t.Errorf("archived %q in %d batches", got, len(w.archive(s.id)))
	}
}

// A witness that another one overtakes between its two steps goes on behind that one.
func TestAWitnessThatIsOvertaken(t *testing.T) {
	w := calm(t)
	all, s := w.send(10), w.stream.shards[0]
	late := w.newWitness()
	overtaken := false
	late.Ledger = w.ledger.With(intercept.Hooks[ledgertest.Op]{Before: func(op ledgertest.Op) error {
		if op.Name != "Append" || overtaken {
			return nil
		}
		overtaken = true
		return w.newWitness().Handle(t.Context(), event(s, all[:3]))
	}})
	if err := late.Handle(t.Context(), event(s, all)); err != nil {
		t.Fatal(err)
	}
	if b := w.archive(s.id); len(b) != 2 || b[0].Last != all[2].Sequence || b[1].After != b[0].Last || b[1].Records != 7 {
		t.Errorf("archived %+v", b)
	}
	late.Ledger = busy{w.ledger}
	err := late.Handle(t.Context(), event(s, w.send(1)))
	if err == nil || !strings.Contains(err.Error(), "others were first") {
		t.Errorf("always overtaken: %v", err)
	}
}

type busy struct{ *ledgertest.Fake }

func (busy) Append(context.Context, string, contract.Archived) (bool, error) { return false, nil }

// A shard begins behind the newest marker of its parents, through those that never had a record.
func TestAShardInheritsItsParentsMarker(t *testing.T) {
	w := calm(t)
	first := w.stream.shards[0]
	end := w.now.Add(-time.Second).UnixMilli()
	if err := w.stream.Mark(t.Context(), "0", interval.Marker(end)); err != nil {
		t.Fatal(err)
	}
	w.stream.split(first)
	w.stream.merge(w.stream.shards[1], w.stream.shards[2])
	w.stream.put("k", []byte(`{"v":1}`))
	for _, s := range []*shard{first, w.stream.shards[3]} {
		if err := w.newWitness().Handle(t.Context(), event(s, s.records)); err != nil {
			t.Fatal(err)
		}
	}
	if b := w.archive(w.stream.shards[3].id); len(b) != 1 || b[0].From != end || b[0].Through != end || b[0].After != "" {
		t.Errorf("archived %+v, want it behind the marker of %d", b, end)
	}
	w.stream.shards = w.stream.shards[:1]
	unknown := &shard{id: "shardId-000000000009", records: first.records}
	if err := w.newWitness().Handle(t.Context(), event(unknown, unknown.records)); err == nil ||
		!strings.Contains(err.Error(), "no shard "+unknown.id) {
		t.Errorf("a shard that the stream does not know: %v", err)
	}
}

func TestEventsThatNoStreamSends(t *testing.T) {
	w := calm(t)
	good := event(w.stream.shards[0], w.send(2))
	for what, edit := range map[string]func(*events.KinesisEventRecord){
		"two shards":   func(r *events.KinesisEventRecord) { r.EventID = "shardId-000000000007:1" },
		"no shard":     func(r *events.KinesisEventRecord) { r.EventID = "x" },
		"not a number": func(r *events.KinesisEventRecord) { r.Kinesis.SequenceNumber = "x" },
	} {
		e := events.KinesisEvent{Records: slices.Clone(good.Records)}
		edit(&e.Records[1])
		if err := w.newWitness().Handle(t.Context(), e); err == nil {
			t.Errorf("the witness accepted %s", what)
		}
		if _, err := w.newProcessor().Handle(t.Context(), e); err == nil {
			t.Errorf("the processor accepted %s", what)
		}
	}
}

// A batch that spans two intervals is two acknowledgements. Where one of them fails, the batch is delivered again from
// its first record on.
func TestTheProcessorReportsWhatFailed(t *testing.T) {
	w := calm(t)
	old := w.send(2)
	w.now = w.now.Add(time.Minute)
	fresh, s := w.send(2), w.stream.shards[0]
	failing := w.newProcessor()
	id := loadOf("readings", w.settings, interval.Of(fresh[0].At, time.Minute))
	failing.Ledger = w.ledger.With(intercept.Hooks[ledgertest.Op]{Before: func(op ledgertest.Op) error {
		if op.Load == id {
			return errDied
		}
		return nil
	}})
	for _, p := range []struct {
		*Processor
		want string
	}{{failing, fresh[0].Sequence}, {w.newProcessor(), ""}} {
		response, err := p.Handle(t.Context(), event(s, s.records))
		got := ""
		for _, f := range response.BatchItemFailures {
			got += f.ItemIdentifier
		}
		if err != nil || got != p.want {
			t.Errorf("failed from %q on, want %q; %v", got, p.want, err)
		}
	}
	for load, want := range map[string][]contract.StreamRecord{
		id: fresh, loadOf("readings", w.settings, interval.Of(old[0].At, time.Minute)): old,
	} {
		acks, err := w.ledger.Covers(t.Context(), load, s.id)
		if err != nil || len(acks) != 1 {
			t.Fatalf("%+v, %v", acks, err)
		}
		set, err := setOf(t.Context(), w.lake, acks[0].Cover)
		if err != nil || !slices.Equal(set, interval.Set{contract.Sequence(want[0].Sequence),
			contract.Sequence(want[1].Sequence)}) || acks[0].RowsOut != 2 || acks[0].Code != "c0de" {
			t.Errorf("%+v covers %s; %v", acks[0], set, err)
		}
	}
}

// A set that is too large for the ledger is an object, and a changed one is noticed.
func TestLargeSets(t *testing.T) {
	w := calm(t)
	var set interval.Set
	for _, r := range w.send(8000) {
		set = append(set, contract.Sequence(r.Sequence))
	}
	cover, err := keep(t.Context(), w.lake, "s", set, "covers/k")
	if err != nil || cover.Records != nil || cover.Stored.Rows != 8000 {
		t.Fatalf("%+v, %v", cover, err)
	}
	if got, err := setOf(t.Context(), w.lake, cover); err != nil || !slices.Equal(got, set) {
		t.Errorf("%d of %d, %v", len(got), len(set), err)
	}
	w.lake.Corrupt("lake", "covers/k", func(data []byte) []byte { return data[:len(data)-11] })
	if _, err := setOf(t.Context(), w.lake, cover); err == nil {
		t.Error("another set was read")
	}
}

// A changed archive closes nothing.
func TestAChangedArchiveClosesNothing(t *testing.T) {
	w := calm(t)
	s := w.stream.shards[0]
	w.send(3)
	w.now = w.now.Add(2 * time.Minute)
	w.tryClose() // puts the marker
	if err := w.newWitness().Handle(t.Context(), event(s, s.records)); err != nil {
		t.Fatal(err)
	}
	b := w.archive(s.id)[0]
	w.lake.Corrupt("lake", b.Key, func(data []byte) []byte { return append(data, 0) })
	r, err := w.newCloser().pass(t.Context(), true)
	if err == nil || !strings.Contains(err.Error(), b.Key) || r.Certified != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// One run closes an interval whose markers it puts, as soon as the witness has archived them. It puts each one once.
func TestARunWaitsForItsMarkers(t *testing.T) {
	w := calm(t)
	s := w.stream.shards[0]
	w.send(3)
	w.now = w.now.Add(time.Minute)
	c := w.newCloser()
	pauses := 0
	c.Pause = func(context.Context, time.Duration) error {
		if pauses++; pauses == 2 {
			return w.newWitness().Handle(t.Context(), event(s, s.records))
		}
		return nil
	}
	r, err := c.Close(t.Context())
	if err != nil || len(r.Certified) != 1 || r.Waiting != nil || pauses != 2 || len(s.records) != 4 {
		t.Errorf("%+v, %v: %d pauses, %d records with markers", r, err, pauses, len(s.records))
	}
	w.now = w.now.Add(time.Minute)
	pauses = 2
	if r, err = c.Close(t.Context()); err != nil || r.Waiting == nil || pauses != 2+looks || len(s.records) != 5 {
		t.Errorf("nothing archives: %+v, %v: %d pauses, %d records", r, err, pauses, len(s.records))
	}
}

// An interval that stays open is overdue in the end, with the shard and the place.
func TestAnOverdueIntervalNamesTheShard(t *testing.T) {
	w := calm(t)
	records := w.send(2)
	if err := w.newWitness().Handle(t.Context(), event(w.stream.shards[0], records)); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Minute)
	for _, want := range []interval.State{interval.Open, interval.Overdue} {
		r, err := w.newCloser().pass(t.Context(), true)
		if err != nil || r.State != want || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], w.stream.shards[0].id) ||
			!strings.Contains(r.Problems[0], records[1].Sequence) {
			t.Errorf("%+v, %v", r, err)
		}
		w.now = w.now.Add(10 * time.Minute)
	}
}

// Whoever takes over from a closer that died after any of its writes certifies what that one has closed.
func TestACloserThatDies(t *testing.T) {
	for dies := 0; ; dies++ {
		w := calm(t)
		s := w.stream.shards[0]
		w.send(3)
		w.now = w.now.Add(time.Minute)
		w.tryClose()
		if err := w.newWitness().Handle(t.Context(), event(s, s.records)); err != nil {
			t.Fatal(err)
		}
		c, left := w.newCloser(), dies
		die := func(write bool) error {
			if left--; write && left < 0 {
				return errDied
			}
			return nil
		}
		books := w.ledger.With(intercept.Hooks[ledgertest.Op]{After: func(op ledgertest.Op) error { return die(op.Write) }})
		objects := w.lake.With(intercept.Hooks[laketest.Op]{After: func(op laketest.Op) error { return die(op.Write) }})
		c.Ledger, c.Lake, c.Processor.Ledger, c.Processor.Sink = books, objects, books, objects
		_, err := c.pass(t.Context(), true)
		if err == nil {
			if dies < 8 {
				t.Errorf("there are only %d places to die at", dies)
			}
			return
		}
		if !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		late := w.newProcessor() // acknowledges what the closer has run, at the same time
		if _, err := late.Handle(t.Context(), event(s, s.records[:2])); err != nil {
			t.Fatal(err)
		}
		if r, err := w.newCloser().pass(t.Context(), true); err != nil {
			t.Errorf("after %d operations: %+v, %v", dies, r, err)
		}
		w.verify()
	}
}
