package gateway

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const throttled = "ProvisionedThroughputExceededException"

// Requests that come together share a call, and none waits longer than its time.
func TestWriterBatchesAcrossRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		w := newWriter(f)
		began := time.Now()
		var requests sync.WaitGroup
		for i := range 30 {
			requests.Go(func() {
				if i == 29 {
					time.Sleep(lingerIdle - 1)
				}
				if got := put(w, numbered(t, fmt.Sprint(i), 10, 100)); count(got)[Accepted] != 10 {
					t.Errorf("request %d: %v", i, got)
				}
			})
		}
		requests.Wait()
		if took := time.Since(began); took != lingerIdle || !slices.Equal(f.sizes(), []int{300}) {
			t.Errorf("%v records in calls after %s", f.sizes(), took)
		}
		w.Close()
	})
}

// When calls end, what waits for more records waits for less.
func TestWriterWaitsLessWhenCallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{next: func(int) fate { return fate{stall: 8 * time.Millisecond} }}
		w := newWriter(f)
		began := time.Now()
		var requests sync.WaitGroup
		for i := range calls - 1 {
			requests.Go(func() { w.Put(numbered(t, fmt.Sprint(i), callRecords, 1)) })
		}
		time.Sleep(6 * time.Millisecond)
		w.Put(numbered(t, "last", 1, 1))
		requests.Wait()
		if at := f.calls[calls-1].at.Sub(began); at != 6*time.Millisecond+lingerIdle {
			t.Errorf("the last call began after %s", at)
		}
		w.Close()
	})
}

// A full batch does not wait: by count, and by bytes.
func TestWriterCutsFullBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		w := newWriter(f)
		began := time.Now()
		for _, c := range []struct {
			n, size int
			want    []int
		}{{500, 10, []int{500}}, {6, 1 << 20, []int{4, 2}}} {
			before := len(f.sizes())
			if got := put(w, numbered(t, fmt.Sprint(c.size), c.n, c.size)); count(got)[Accepted] != c.n {
				t.Errorf("%d records of %d bytes: %v", c.n, c.size, count(got))
			}
			if got := f.sizes()[before:]; !slices.Equal(got, c.want) {
				t.Errorf("%d records of %d bytes: calls of %v, want %v", c.n, c.size, got, c.want)
			}
		}
		if !f.calls[0].at.Equal(began) {
			t.Error("a full batch has waited")
		}
		w.Close()
	})
}

// Of a call that fails in part, only the records that failed are put again, after a pause.
func TestWriterRetriesTheFailedOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{next: func(call int) fate {
			return fate{fails: func(i int) (string, bool) {
				return []string{throttled, "InternalFailure"}[i%2], call < 2 && i%(3-call) == 0
			}}
		}}
		w := newWriter(f)
		if got := put(w, numbered(t, "r", 9, 10)); count(got)[Accepted] != 9 {
			t.Errorf("%v", got)
		}
		w.Close()
		if !slices.Equal(f.sizes(), []int{9, 3, 2}) || len(f.ids) != 9 {
			t.Errorf("calls of %v for %d records", f.sizes(), len(f.ids))
		}
		for i, low := range []time.Duration{25 * time.Millisecond, 50 * time.Millisecond} {
			if gap := f.calls[i+1].at.Sub(f.calls[i].at); gap < low || gap > 2*low {
				t.Errorf("the pause after call %d is %s", i, gap)
			}
		}
		for id, n := range f.ids {
			if n != 1 {
				t.Errorf("%s was put %d times", id, n)
			}
		}
	})
}

// A reply that is lost leaves repeats, which carry the ids that tell them.
func TestWriterRepeatsWhatIsNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{next: func(call int) fate { return fate{lost: call == 0} }}
		w := newWriter(f)
		if got := put(w, numbered(t, "r", 3, 10)); count(got)[Accepted] != 3 {
			t.Errorf("%v", got)
		}
		w.Close()
		if want := map[string]int{"r-0": 2, "r-1": 2, "r-2": 2}; !maps.Equal(f.ids, want) {
			t.Errorf("%v were put, want %v", f.ids, want)
		}
	})
}

// Patience ends, and the last outcome counts. What no retry cures ends at once.
func TestWriterGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		fate    fate
		want    Outcome
		longest time.Duration
	}{
		"throttled records": {fate{fails: func(int) (string, bool) { return throttled, true }}, Throttled,
			patience + maxBackoff},
		"throttled calls": {fate{err: &types.ProvisionedThroughputExceededException{}}, Throttled, patience + maxBackoff},
		"stalls":          {fate{stall: time.Hour}, Unavailable, patience + callTimeout + maxBackoff},
		"lost replies":    {fate{lost: true}, Unavailable, patience + callTimeout + maxBackoff},
		"no stream":       {fate{err: &types.ResourceNotFoundException{}}, Denied, lingerBusy},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{next: func(int) fate { return c.fate }}
			w := newWriter(f)
			began := time.Now()
			got := put(w, numbered(t, "r", 2, 10))
			if took := time.Since(began); count(got)[c.want] != 2 || took > c.longest {
				t.Errorf("%s: %v after %s", name, got, took)
			}
			if c.want != Denied && time.Since(began) < patience {
				t.Errorf("%s: gave up after %s", name, time.Since(began))
			}
			w.Close()
		})
	}
}

// While all calls stall, what waits for one is told to come back, and was never sent.
func TestWriterBoundsItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{next: func(int) fate { return fate{stall: time.Hour} }}
		w := newWriter(f)
		var requests sync.WaitGroup
		got := make([]map[Outcome]int, calls+3)
		for i := range got {
			requests.Go(func() { got[i] = count(put(w, numbered(t, fmt.Sprint(i), callRecords, 1))) })
			synctest.Wait()
		}
		if len(f.sizes()) != calls {
			t.Errorf("%d calls are in flight, want %d", len(f.sizes()), calls)
		}
		began := time.Now()
		requests.Wait()
		if took := time.Since(began); took > patience+callTimeout+maxBackoff {
			t.Errorf("answered after %s", took)
		}
		for i, n := range got {
			if want := map[bool]Outcome{true: Unavailable, false: Throttled}[i < calls]; n[want] != callRecords {
				t.Errorf("request %d: %v, want %s", i, n, want)
			}
		}
		w.Close()
	})
}

// Close leaves no record without an outcome, and no batch waiting for more.
func TestWriterCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{next: func(int) fate { return fate{stall: time.Second} }}
		w := newWriter(f)
		done, began := make(chan []Outcome, 1), time.Now()
		go func() { done <- put(w, numbered(t, "r", 5, 10)) }()
		synctest.Wait()
		w.Close()
		if got := <-done; count(got)[Accepted] != 5 || time.Since(began) != time.Second {
			t.Errorf("%v after %s", got, time.Since(began))
		}
	})
}

// Whatever Kinesis does: what is accepted is in the stream, with its own data, and all are answered.
func TestWriterUnderFaults(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, seed))
			var mu sync.Mutex
			draw := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
			share := draw(4) // of faults
			f := &fake{next: func(int) fate {
				if draw(4) >= share {
					return fate{stall: time.Duration(draw(50)) * time.Millisecond}
				}
				return []fate{
					{err: &types.ProvisionedThroughputExceededException{}}, {err: &types.InternalFailureException{}},
					{lost: true}, {stall: time.Hour}, {err: &types.AccessDeniedException{}},
					{fails: func(i int) (string, bool) { return throttled, draw(2) == 0 }},
					{fails: func(i int) (string, bool) { return "InternalFailure", draw(3) == 0 }},
				}[draw(7)]
			}}
			w := newWriter(f)
			sent, got := make([][]Record, 20), make([][]Outcome, 20)
			var requests sync.WaitGroup
			for i := range sent {
				sent[i] = numbered(t, fmt.Sprint(i), 1+draw(150), 1+draw(1000))
				pause := time.Duration(draw(100)) * time.Millisecond
				requests.Go(func() {
					time.Sleep(pause)
					got[i] = put(w, sent[i])
				})
			}
			requests.Wait()
			w.Close()
			for i, outcomes := range got {
				for j, o := range outcomes {
					id := fmt.Sprintf("%d-%d", i, j)
					if o == Accepted && f.ids[id] == 0 {
						t.Fatalf("seed %d: %s is accepted and not in the stream", seed, id)
					}
					if o != Accepted && share == 0 {
						t.Fatalf("seed %d: %s is %s without any fault", seed, id, o)
					}
				}
				if len(outcomes) != len(sent[i]) {
					t.Fatalf("seed %d: request %d has %d outcomes for %d records", seed, i, len(outcomes), len(sent[i]))
				}
			}
		})
	}
}
