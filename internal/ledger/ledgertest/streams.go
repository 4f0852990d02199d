package ledgertest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

func archived(after, last string) contract.Archived {
	return contract.Archived{Shard: "s", After: after, Last: last, Through: 7, Records: 1, Sum: "sum", Key: "k" + last}
}

// Batches are in the order of their numbers, whatever their lengths, and each has one successor.
func archive(t *testing.T, l Subject) {
	if last := must[*contract.Archived](t)(l.Tail(t.Context(), "readings", "s")); last != nil {
		t.Errorf("of nothing: %+v", last)
	}
	all := []contract.Archived{archived("", "9"), archived("9", "10"), archived("10", "100"), archived("100", "20000")}
	for _, b := range all {
		for range 2 { // the answer may have been lost
			if ok, err := l.Append(t.Context(), "readings", b); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		if last := must[*contract.Archived](t)(l.Tail(t.Context(), "readings", "s")); last == nil || *last != b {
			t.Errorf("the last one is %+v, want %+v", last, b)
		}
	}
	if ok, err := l.Append(t.Context(), "readings", archived("9", "11")); ok || err != nil {
		t.Errorf("a second successor: %t, %v", ok, err)
	}
	for after, want := range map[string][]contract.Archived{"": all, "9": all[1:], "10": all[2:], "100": all[3:],
		"20000": nil} {
		if got := must[[]contract.Archived](t)(l.Archive(t.Context(), "readings", "s", after)); !slices.Equal(got, want) {
			t.Errorf("behind %q: %+v", after, got)
		}
		for _, n := range []int{1, 2, 9} {
			got := must[[]contract.Archived](t)(l.Batches(t.Context(), "readings", "s", after, n))
			if !slices.Equal(got, want[:min(n, len(want))]) {
				t.Errorf("%d behind %q: %+v", n, after, got)
			}
		}
	}
	for segment, shard := range map[string]string{"readings": "other", "trips": "s"} {
		if got := must[[]contract.Archived](t)(l.Archive(t.Context(), segment, shard, "")); len(got) > 0 {
			t.Errorf("%s, %s: %+v", segment, shard, got)
		}
	}
}

// Of several witnesses that continue at the same place one gets in.
func witnessesAtOnce(t *testing.T, l Subject) {
	var group sync.WaitGroup
	var in atomic.Int64
	for i := range 5 {
		group.Go(func() {
			ok, err := l.Append(t.Context(), "readings", archived("", fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
			}
			if ok {
				in.Add(1)
			}
		})
	}
	if group.Wait(); in.Load() != 1 {
		t.Errorf("%d batches follow the same one", in.Load())
	}
}

func covers(t *testing.T, l Subject) {
	ack := contract.StreamAck{ID: "a", Cover: contract.Cover{Shard: "s", Records: []byte{1, 2}}, Catalog: "c",
		Ack: contract.Ack{RowsIn: 2, At: at(1)}}
	again := ack
	again.RowsIn = 3
	other := ack
	other.ID = "b"
	for _, a := range []contract.StreamAck{ack, again, other} {
		if err := l.Cover(t.Context(), "L", a); err != nil {
			t.Fatal(err)
		}
	}
	if got := must[[]contract.StreamAck](t)(l.Covers(t.Context(), "L", "s")); !reflect.DeepEqual(got,
		[]contract.StreamAck{ack, other}) {
		t.Errorf("got %+v", got)
	}
	for load, shard := range map[string]string{"L": "other", "M": "s"} {
		if got := must[[]contract.StreamAck](t)(l.Covers(t.Context(), load, shard)); len(got) > 0 {
			t.Errorf("%s, %s: %+v", load, shard, got)
		}
	}
}

// An interval keeps the first closing, and is nothing that the sweeper looks after.
func freeze(t *testing.T, l Subject) {
	if _, err := l.Freeze(t.Context(), "L", "k"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a load that is not there: %v", err)
	}
	load := received("L")
	load.Status = contract.Running
	load.Interval = &contract.Interval{Start: at(0), End: at(60)}
	if _, _, err := l.Receive(t.Context(), load); err != nil {
		t.Fatal(err)
	}
	if got := must[ledger.Load](t)(l.Load(t.Context(), "L")); !reflect.DeepEqual(got.Interval, load.Interval) {
		t.Errorf("the interval is %+v", got.Interval)
	}
	if open := must[[]ledger.Load](t)(l.Open(t.Context(), at(0).Add(time.Hour), 10)); len(open) > 0 {
		t.Errorf("it is open: %+v", open)
	}
	if got := must[string](t)(l.Frozen(t.Context(), "L")); got != "" {
		t.Errorf("frozen as %s", got)
	}
	for _, k := range []string{"k", "other"} {
		if got := must[string](t)(l.Freeze(t.Context(), "L", k)); got != "k" {
			t.Errorf("frozen as %s", got)
		}
	}
	if got := must[string](t)(l.Frozen(t.Context(), "L")); got != "k" {
		t.Errorf("frozen as %s", got)
	}
}
