package workflowtest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dip/contract"
	"dip/internal/lake"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/restore"
)

var seed = flag.Uint64("seed", 0, "run the restores with this seed alone")

// A ledger that is rebuilt from a copy of the buckets, taken at any moment, has every certified load as it was, and a
// new stack goes on with it: what was not certified is loaded, what was is not loaded again. `-seed N` runs a failure
// again.
func TestARestoredLedgerGoesOn(t *testing.T) {
	from, to := uint64(1), uint64(16)
	if *seed != 0 {
		from, to = *seed, *seed
	}
	for n := from; n <= to; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := &restoration{Rand: rand.New(rand.NewPCG(n, 11)), newest: map[string]string{}}
			synctest.Test(t, func(t *testing.T) {
				r.world = newWorld(t)
				r.sweeps()
				r.work()
				r.rounds(1 + r.IntN(6))
				time.Sleep(time.Duration(r.IntN(3600)) * time.Second)
				r.stop()
				r.until = time.Now()
			})
			books, objects := r.restore(t, r.IntN(2) == 0)
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(r.until)) // its clock begins anew
				r.world = worldOn(t, plainCSV, books, objects)
				r.sweeps()
				r.work()
				r.rounds(2)
				time.Sleep(30 * time.Hour) // a full pass of the sweeper, and what it finds
				r.stop()
			})
			r.check(t)
		})
	}
}

// restoration is a stack, and what was landed in it.
type restoration struct {
	*world
	*rand.Rand
	newest map[string]string // content by key
	good   []int             // rows of each content that can be loaded
	until  time.Time
}

// rounds lets files land, some of them again and some of them bad, and goes on before all of them are loaded.
func (r *restoration) rounds(n int) {
	for range n {
		for _, key := range []string{"things/a", "things/b", "things/c", "things/d"} {
			switch before, ok := r.newest[key]; r.IntN(5) {
			case 0:
				continue
			case 1: // its reply was lost
				if ok {
					r.lake.Put("landing", key, []byte(before))
				}
				continue
			case 2: // it fails
				r.newest[key] = fmt.Sprintf("a,b\n%d,x\nx%d,x\n", len(r.good), r.Uint64())
			default:
				rows := 3 + len(r.good)
				r.good = append(r.good, rows)
				r.newest[key] = contentOf(rows)
			}
			r.lake.Put("landing", key, []byte(r.newest[key]))
		}
		time.Sleep(40 * time.Minute)
	}
}

// contentOf is a content by the number of its rows.
func contentOf(n int) string {
	var text strings.Builder
	text.WriteString("a,b\n")
	for i := range n {
		fmt.Fprintf(&text, "%d,text %d\n", i, n)
	}
	return text.String()
}

// restore rebuilds the ledger from a copy of the buckets, and compares it with the original.
func (r *restoration) restore(t *testing.T, renew bool) (*ledgertest.Fake, *laketest.Fake) {
	t.Helper()
	objects := r.lake.Copy(map[string]string{"lake": "lake", "landing": "landing"}, renew)
	books := ledgertest.New()
	drill := restore.Drill{Lake: objects, Landing: objects, Bucket: "landing", PublicKey: &r.signer.PrivateKey.PublicKey}
	dry, err := drill.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	drill.Table = books
	report, err := drill.Run(t.Context())
	if err != nil || !report.Complete {
		t.Fatalf("%s, %v", text(report), err)
	}
	if !reflect.DeepEqual(report, dry) {
		t.Errorf("without writing: %s\nwith: %s", text(dry), text(report))
	}
	r.same(t, r.ledger.Snapshot(), books.Snapshot(), renew)
	return books, objects
}

// same compares the ledgers item by item.
func (r *restoration) same(t *testing.T, was, is ledgertest.Snapshot, renewed bool) {
	t.Helper()
	contents := r.lake.Contents("lake")
	for id, old := range was.Records {
		got, found := is.Records[id]
		_, written := contents[contract.CertificateKey("things", id)]
		switch {
		case written:
			if want := known(old, contents); !reflect.DeepEqual(known(got, contents), want) {
				t.Errorf("load %s was\n%s\nis\n%s", id, text(want), text(known(got, contents)))
			}
		case old.Load.Status == contract.Duplicate && !renewed:
			if got.Load.Status != contract.Duplicate || got.Load.Of != old.Load.Of || got.Open {
				t.Errorf("load %s, a duplicate of %s, is %+v", id, old.Load.Of, got.Load)
			}
		case found && got.Load.Status != contract.Duplicate:
			t.Errorf("load %s was %s, is %+v", id, old.Load.Status, got.Load)
		}
	}
	for id, got := range is.Records {
		if _, ok := was.Records[id]; !ok && got.Load.Status != contract.Duplicate {
			t.Errorf("load %s was not there, is %+v", id, got.Load)
		}
	}
	last := ""
	for _, got := range is.Records {
		if got.Load.Link != nil && got.Load.Link.Number == is.Heads["things"].Number {
			last = got.Load.ID
		}
	}
	if is.Heads["things"].Load != last {
		t.Errorf("the head is %+v, the last load %s", is.Heads["things"], last)
	}
}

// known is a record without what a copy of the buckets does not tell.
func known(r ledger.Record, contents map[string]string) ledger.Record {
	r.Open = r.Load.Status == contract.Certified // else it is not known whether its outcome was announced
	if _, published := contents[contract.ManifestKey("things", r.Load.ID)]; !published {
		r.Open, r.Load.Status = true, contract.Certified
	} else {
		r.Open, r.Load.Status = false, contract.Published
	}
	r.Load.Execution, r.Load.Updated, r.Load.Sent, r.Load.Proven = 0, time.Time{}, time.Time{}, nil
	plan := *r.Load.Plan
	plan.Lane, plan.At = "", time.Time{}
	r.Load.Plan = &plan
	r.Chunks = slices.Clone(r.Chunks)
	for i, c := range r.Chunks {
		r.Chunks[i] = ledger.Chunk{Index: c.Index, Start: c.Start, End: c.End, From: c.From, Attempt: c.Attempt, Ack: c.Ack}
	}
	return r
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// check compares what is published with what has landed, and proves it again.
func (r *restoration) check(t *testing.T) {
	t.Helper()
	published := map[int]int{}
	contents := r.lake.Contents("lake")
	for key, data := range contents {
		if !strings.HasPrefix(key, contract.CertificatePrefix) || strings.HasSuffix(key, ".dsse.json") {
			continue
		}
		var c contract.Certificate
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatal(err)
		}
		if _, ok := contents[contract.ManifestKey("things", c.Load)]; !ok {
			t.Errorf("load %s is certified and not published", c.Load)
		}
		published[int(c.Totals.RowsOut)]++
	}
	for _, rows := range r.good {
		if published[rows] != 1 {
			t.Errorf("the content of %d rows is published %d times", rows, published[rows])
		}
		delete(published, rows)
	}
	if len(published) > 0 {
		t.Errorf("%v are published, too", slices.Collect(maps.Keys(published)))
	}
	report, err := restore.Drill{Lake: r.lake, Landing: r.lake, Bucket: "landing",
		PublicKey: &r.signer.PrivateKey.PublicKey}.Run(t.Context())
	if err != nil || !report.Complete || len(r.good) > 0 && report.Segments[0].Proven != len(r.good) {
		t.Errorf("%s, %v", text(report), err)
	}
}

// encrypted is a landing bucket whose ETags differ from copy to copy.
type encrypted struct{ *laketest.Fake }

func (e encrypted) Versions(ctx context.Context, bucket string, after lake.Marker,
	visit func(page []lake.Listed, next lake.Marker) error) error {
	return e.Fake.Versions(ctx, bucket, after, func(page []lake.Listed, next lake.Marker) error {
		for i := range page {
			page[i].ETag = "of " + page[i].VersionID
		}
		return visit(page, next)
	})
}

// A drill reads copies under any names, and says what in them does not fit.
func TestADrillFindsWhatIsWrong(t *testing.T) {
	var w *world
	var first, second contract.Object
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t)
		w.sweeps()
		w.work()
		first = w.land(contentOf(9))
		time.Sleep(40 * time.Minute)
		second = w.land(strings.Replace(contentOf(9), "text 9", "text 8", 1)) // of the same size
		w.lake.Put("landing", "things/b", []byte(contentOf(20)))
		time.Sleep(2 * time.Hour)
		w.stop()
	})
	one, two := contract.LoadID(first), contract.LoadID(second)
	for _, c := range []struct {
		name    string
		harm    func(f *laketest.Fake)
		problem string
	}{
		{"nothing", func(*laketest.Fake) {}, ""},
		{"an output was changed", func(f *laketest.Fake) {
			for key := range f.Contents("lake2") {
				if strings.HasPrefix(key, contract.DataPrefix) && strings.Contains(key, one) {
					f.Corrupt("lake2", key, func(b []byte) []byte { b[20]++; return b })
				}
			}
		}, "load " + one},
		{"a certificate is missing", func(f *laketest.Fake) { f.Delete("lake2", contract.CertificateKey("things", one)) },
			"publishes rows, but their certificate is missing"},
		{"a certificate was changed", func(f *laketest.Fake) {
			f.Corrupt("lake2", contract.CertificateKey("things", one), func(b []byte) []byte {
				return []byte(strings.Replace(string(b), `"rowsOut": 9`, `"rowsOut": 8`, 1))
			})
		}, "chain of segment things"},
		{"a catalog is missing", func(f *laketest.Fake) { f.Delete("lake2", w.catalog) }, "read the segment catalog"},
	} {
		for _, renew := range []bool{false, true} {
			f := w.lake.Copy(map[string]string{"lake": "lake2", "landing": "landing2"}, renew)
			c.harm(f)
			d := restore.Drill{Lake: f, Landing: f, Bucket: "landing2", PublicKey: &w.signer.PrivateKey.PublicKey}
			if renew {
				d.Landing = encrypted{f}
			}
			r, err := d.Run(t.Context())
			found := strings.Contains(strings.Join(r.Problems, "\n"), c.problem)
			if err != nil || r.Complete != (c.problem == "") || !found || c.problem == "" && r.Segments[0].Proven != 3 {
				t.Errorf("%s, other ids %t: %s, %v", c.name, renew, text(r), err)
			}
		}
	}
	// Inputs expire. Their outputs do not, and are still compared.
	f := w.lake.Copy(map[string]string{"lake": "lake2"}, true)
	d := restore.Drill{Lake: f, Landing: f, Bucket: "landing2", PublicKey: &w.signer.PrivateKey.PublicKey}
	if r, err := d.Run(t.Context()); err != nil || !r.Complete || r.Segments[0].InputGone != 3 {
		t.Errorf("without inputs: %s, %v", text(r), err)
	}
	for key := range f.Contents("lake2") {
		if strings.HasPrefix(key, contract.DataPrefix) && strings.Contains(key, two) {
			f.Corrupt("lake2", key, func(b []byte) []byte { b[20]++; return b })
		}
	}
	if r, err := d.Run(t.Context()); err != nil || r.Complete || !strings.Contains(r.Problems[0], "SHA-256") {
		t.Errorf("without inputs, an output was changed: %s, %v", text(r), err)
	}
}
