package stream

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/verify"
)

var seed = flag.Uint64("seed", 0, "run the simulation with this seed alone")

// Every record that a producer got a yes for is in one certified interval: in the output, in quarantine, or repeated.
// Whatever dies. `-seed N` runs a failure again.
func TestEveryRecordIsCertifiedOnce(t *testing.T) {
	// The runs keep little and throw away much, most of it the memory of encoders.
	defer debug.SetGCPercent(debug.SetGCPercent(1000))
	from, to := uint64(1), uint64(200)
	if *seed != 0 {
		from, to = *seed, *seed
	}
	for s := from; s <= to; s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			w := newWorld(t, s)
			w.live()
			w.drain()
			w.check()
		})
	}
}

// live lets records come while everything may go wrong.
func (w *world) live() {
	for range 25 + w.IntN(20) {
		w.now = w.now.Add(time.Duration(w.IntN(8000)) * time.Millisecond)
		for range w.IntN(6) {
			w.produce()
		}
		if w.IntN(4) == 0 {
			w.sends(1 + w.IntN(3))
		}
		for range w.IntN(10) {
			w.deliver()
		}
		open := w.stream.open()
		switch i := w.IntN(len(open)); w.IntN(25) {
		case 0:
			w.stream.split(open[i])
		case 1:
			if i > 0 {
				w.stream.merge(open[i-1], open[i])
			}
		case 2:
			w.deploy(fmt.Sprint(len(w.catalogs)))
		case 3, 4, 5, 6:
			w.tryClose()
		case 7:
			for _, zombie := range w.zombies {
				zombie()
			}
			w.zombies = nil
		}
	}
}

// tryClose runs the closer once. It may die.
func (w *world) tryClose() {
	r, err := w.newCloser().pass(w.Context(), true)
	if err != nil {
		if w.faults == 0 {
			w.Fatalf("seed %d: %v", w.seed, err)
		}
		return
	}
	w.open = r.Waiting
	if r.Waiting != nil && len(r.Problems) == 0 {
		w.Errorf("seed %d: %s is %s without a reason", w.seed, r.Waiting.Start, r.State)
	}
}

// drain ends all trouble, and closes what there is.
func (w *world) drain() {
	w.faults = 0
	end := w.now.Add(3 * time.Minute)
	for w.now.Before(end) || w.open != nil {
		for _, m := range []*mapping{w.witness, w.process} {
			for range 3 { // children come after their parents
				for _, s := range w.stream.shards {
					for at := range m.factor {
						for m.deliver(s, at, 50) {
						}
					}
				}
			}
		}
		w.now = w.now.Add(25 * time.Second)
		w.tryClose()
		if w.now.After(end.Add(10 * time.Minute)) {
			w.Fatalf("seed %d: the interval from %s does not close", w.seed, w.open.Start)
		}
	}
}

// check compares all certified intervals with what was put.
func (w *world) check() {
	w.verify()
	contents := w.lake.Contents("lake")
	found, ids, repeated := map[string]int{}, map[string]int{}, int64(0)
	for _, c := range w.certificates(contents) {
		repeated += c.Stream.Repeated.Records
		listed := 0
		for _, uri := range strings.Fields(contents[contract.ManifestKey("readings", c.Load)]) {
			listed++
			for _, v := range w.rows(contents[strings.TrimPrefix(uri, "s3://lake/")]) {
				found[v]++
			}
		}
		for _, k := range c.Chunks {
			listed -= len(k.Outputs)
			if k.Quarantine != nil {
				for _, r := range w.rejected(contents[k.Quarantine.Key]) {
					found[strings.FieldsFunc(string(r.Bytes()), func(r rune) bool { return r < '0' || r > '9' })[0]]++
					if r.Reason == "" || r.Sequence == "" || r.Shard == "" {
						w.Errorf("seed %d: quarantined as %+v", w.seed, r)
					}
				}
			}
		}
		if listed != 0 {
			w.Errorf("seed %d: the manifest of %s is not the certificate's", w.seed, c.Load)
		}
	}
	if len(w.certificates(contents)) < 3 {
		w.Errorf("seed %d: the run is too short", w.seed)
	}
	missing, times := int64(len(w.puts)), map[put]int{}
	for _, p := range w.puts {
		times[p]++
	}
	for p, most := range times {
		// A client that sends again may do so after the interval: without a look-back that is a record of its own.
		if w.settings.LookBackSeconds > 0 {
			most = 1
		}
		if n := found[p.value]; n > most || n == 0 && p.id == "" {
			w.Errorf("seed %d: record %+v is there %d times", w.seed, p, n)
		}
		if p.id != "" {
			ids[p.id] += found[p.value]
		}
	}
	for _, n := range found {
		missing -= int64(n)
	}
	for value := range w.promised {
		if found[value] == 0 {
			w.Errorf("seed %d: record %s was answered with a success, and is not there", w.seed, value)
		}
	}
	for id, n := range ids {
		if n == 0 {
			w.Errorf("seed %d: no record with the id %s is there", w.seed, id)
		}
	}
	if missing != repeated {
		w.Errorf("seed %d: %d records with ids are not there, %d are certified as repeated", w.seed, missing, repeated)
	}
}

// verify proves each certificate and their chain with independent code.
func (w *world) verify() {
	contents := w.lake.Contents("lake")
	for _, c := range w.certificates(contents) {
		sum := lake.Hash([]byte(contents[contract.CertificateKey("readings", c.Load)]))
		if !w.announced[c.Load] {
			w.Errorf("seed %d: nobody was told of interval %s", w.seed, c.Stream.Start)
		}
		r, err := verify.Certificate(w.Context(), verify.Options{Lake: w.lake, Certificate: c, SHA256: sum,
			PublicKey: &key.PrivateKey.PublicKey})
		if err != nil || !r.Verified || r.RowsIn != c.Totals.RowsIn || r.Signature != verify.SignatureVerified {
			w.Errorf("seed %d: %+v, %v", w.seed, r, err)
		}
	}
	head, err := w.ledger.Head(w.Context(), "readings")
	if err != nil {
		w.Fatal(err)
	}
	r, err := verify.Chain(w.Context(), verify.ChainOptions{Lake: w.lake, Segment: "readings", Head: head.Next(),
		PublicKey: &key.PrivateKey.PublicKey,
		Recorded: func(ctx context.Context, load string) (verify.Recorded, error) {
			l, err := w.ledger.Load(ctx, load)
			return verify.Recorded{Link: l.Link, SHA256: l.SHA256, Unpublished: l.Status != contract.Published}, err
		}})
	if err != nil || !r.Verified {
		w.Errorf("seed %d: %+v, %v", w.seed, r, err)
	}
}

// certificates are those of the chain, newest first.
func (w *world) certificates(contents map[string]string) (list []contract.Certificate) {
	head, err := w.ledger.Head(w.Context(), "readings")
	if err != nil {
		w.Fatal(err)
	}
	for load := head.Load; load != ""; {
		var c contract.Certificate
		if err := json.Unmarshal([]byte(contents[contract.CertificateKey("readings", load)]), &c); err != nil {
			w.Fatalf("seed %d: certificate of %s: %v", w.seed, load, err)
		}
		list = append(list, c)
		load = c.Link.Load
	}
	if int64(len(list)) != head.Number {
		w.Errorf("seed %d: %d certificates, the head has number %d", w.seed, len(list), head.Number)
	}
	return list
}

// A run follows from its seed: what a failing one has found is found again.
func TestRunsReplay(t *testing.T) {
	for s := range uint64(3) {
		var first, again *world
		for _, w := range []**world{&first, &again} {
			*w = newWorld(t, s)
			(*w).live()
			(*w).drain()
		}
		if !slices.Equal(first.puts, again.puts) || !maps.Equal(first.promised, again.promised) || first.now != again.now {
			t.Errorf("seed %d: other records in the second run", s)
		}
		one, two := first.lake.Contents("lake"), again.lake.Contents("lake")
		for key := range one {
			if _, ok := two[key]; !ok {
				t.Errorf("seed %d: the second run has no %s", s, key)
			}
		}
	}
}
