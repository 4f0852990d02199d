package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dip/contract"
)

func TestReceive(t *testing.T) {
	l := newLedger(t)
	want := received("L")
	want.Updated = want.Received
	got, created, err := l.Receive(t.Context(), received("L"))
	if err != nil || !created || !reflect.DeepEqual(got, want) {
		t.Fatalf("%t, %v\ngot  %+v\nwant %+v", created, err, got, want)
	}
	// A second event, with another time and another catalog, finds the load as it stands.
	again := received("L")
	again.Received, again.Catalog, again.Status = at(60), "catalog/2.json", contract.Failed
	got, created, err = l.Receive(t.Context(), again)
	if err != nil || created || !reflect.DeepEqual(got, want) {
		t.Errorf("%t, %v\ngot  %+v\nwant %+v", created, err, got, want)
	}
	if _, err := l.Load(t.Context(), "M"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "load M") {
		t.Errorf("an unknown load: %v", err)
	}
}

func TestReceiveKeepsAReason(t *testing.T) {
	l := newLedger(t)
	load := received("L")
	load.Status, load.Reason = contract.Failed, "no segment"
	if _, _, err := l.Receive(t.Context(), load); err != nil {
		t.Fatal(err)
	}
	if got := loadOf(t, l); got.Reason != "no segment" || got.Status != contract.Failed {
		t.Errorf("got %+v", got)
	}
}

func TestPlan(t *testing.T) {
	l := planned(t, 30)
	load := loadOf(t, l)
	if want := plan(30); load.Status != contract.Running || !reflect.DeepEqual(load.Plan, &want) || !load.Updated.Equal(at(1)) {
		t.Errorf("got %+v", load)
	}
	chunks := must[[]Chunk](t)(l.Chunks(t.Context(), "L"))
	if want := cut(30); !reflect.DeepEqual(chunks, want) {
		t.Errorf("got  %+v\nwant %+v", chunks, want)
	}
	// A repeated step changes nothing.
	if ok, err := l.Plan(t.Context(), "L", plan(2), cut(2)); err != nil || ok {
		t.Errorf("a second plan: %t, %v", ok, err)
	}
	if got := loadOf(t, l); !reflect.DeepEqual(got, load) {
		t.Errorf("the plan was overwritten: %+v", got)
	}
	if _, err := l.Plan(t.Context(), "M", plan(1), cut(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown load: %v", err)
	}
}

func TestPlanDoesNotReviveAFailedLoad(t *testing.T) {
	l := newLedger(t)
	if _, _, err := l.Receive(t.Context(), received("L")); err != nil {
		t.Fatal(err)
	}
	if ok, err := l.Fail(t.Context(), "L", "deleted", at(1)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if ok, err := l.Plan(t.Context(), "L", plan(1), cut(1)); err != nil || ok {
		t.Errorf("a failed load was planned: %t, %v", ok, err)
	}
	if chunks := must[[]Chunk](t)(l.Chunks(t.Context(), "L")); len(chunks) != 0 {
		t.Errorf("a failed load got %d chunks", len(chunks))
	}
}

// A splitter that was slow may still write when the workers of the plan before it are done.
func TestLatePlanDoesNotOverwriteWork(t *testing.T) {
	l := planned(t, 5)
	acked, failed, claimed, resent := Claim{"L", 0, 1, "a"}, Claim{"L", 1, 1, "b"}, Claim{"L", 2, 1, "c"}, chunkOf(t, l, 3)
	for _, c := range []Claim{acked, failed, claimed} {
		if got, err := l.Claim(t.Context(), c, at(2), at(60)); err != nil || got != Granted {
			t.Fatal(got, err)
		}
	}
	must[bool](t)(l.Acknowledge(t.Context(), acked, contract.Ack{RowsIn: 7}))
	must[bool](t)(l.FailChunk(t.Context(), failed, "broken"))
	must[Chunk](t)(l.Resend(t.Context(), "L", resent, ptr(int64(310)), at(9)))
	before := must[[]Chunk](t)(l.Chunks(t.Context(), "L"))
	for _, c := range cut(5) {
		if err := l.putChunk(t.Context(), "L", c); err != nil {
			t.Fatal(err)
		}
	}
	if after := must[[]Chunk](t)(l.Chunks(t.Context(), "L")); !reflect.DeepEqual(after, before) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

// A plan that died halfway is written again, also under another chunk size.
func TestPlanAfterAPlanThatDied(t *testing.T) {
	l := newLedger(t)
	if _, _, err := l.Receive(t.Context(), received("L")); err != nil {
		t.Fatal(err)
	}
	for _, c := range cut(3) {
		c.End += 50
		if err := l.putChunk(t.Context(), "L", c); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := l.Plan(t.Context(), "L", plan(3), cut(3)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if chunks := must[[]Chunk](t)(l.Chunks(t.Context(), "L")); !reflect.DeepEqual(chunks, cut(3)) {
		t.Errorf("got %+v", chunks)
	}
}

func TestStatusTransitions(t *testing.T) {
	totals := contract.Totals{Chunks: 1, RowsIn: 3, Codes: []string{"c"}}
	steps := map[string]func(l *Ledger, t *testing.T) (bool, error){
		"certify": func(l *Ledger, t *testing.T) (bool, error) { return l.Certify(t.Context(), "L", totals, at(5)) },
		"publish": func(l *Ledger, t *testing.T) (bool, error) { return l.Publish(t.Context(), "L", at(5)) },
		"fail":    func(l *Ledger, t *testing.T) (bool, error) { return l.Fail(t.Context(), "L", "why", at(5)) },
	}
	// What each step makes of a load in each status; "" where it is refused.
	for status, want := range map[contract.Status]map[string]contract.Status{
		contract.Received:  {"certify": "", "publish": "", "fail": contract.Failed},
		contract.Running:   {"certify": contract.Certified, "publish": "", "fail": contract.Failed},
		contract.Certified: {"certify": contract.Certified, "publish": contract.Published, "fail": ""},
		contract.Published: {"certify": "", "publish": contract.Published, "fail": ""},
		contract.Failed:    {"certify": "", "publish": "", "fail": contract.Failed},
	} {
		for step, becomes := range want {
			t.Run(fmt.Sprintf("%s %s", step, status), func(t *testing.T) {
				l := newLedger(t)
				load := received("L")
				load.Status = status
				if _, _, err := l.Receive(t.Context(), load); err != nil {
					t.Fatal(err)
				}
				ok, err := steps[step](l, t)
				if err != nil || ok != (becomes != "") {
					t.Fatalf("%t, %v", ok, err)
				}
				got := loadOf(t, l)
				if becomes == "" {
					becomes = status
				} else if !got.Updated.Equal(at(5)) {
					t.Errorf("updated %s", got.Updated)
				}
				if got.Status != becomes || ok && step == "certify" && !reflect.DeepEqual(got.Totals, &totals) || ok && step == "fail" && got.Reason != "why" {
					t.Errorf("got %+v", got)
				}
				if !ok && (got.Totals != nil || got.Reason != "") {
					t.Errorf("a refused step left something: %+v", got)
				}
			})
		}
	}
}

func TestRedrive(t *testing.T) {
	l := planned(t, 4)
	acked, failed, lost := Claim{"L", 0, 1, "a"}, Claim{"L", 1, 1, "b"}, Claim{"L", 2, 1, "c"}
	for _, c := range []Claim{acked, failed, lost} {
		if got, err := l.Claim(t.Context(), c, at(2), at(60)); err != nil || got != Granted {
			t.Fatal(got, err)
		}
	}
	must[bool](t)(l.Acknowledge(t.Context(), acked, contract.Ack{RowsIn: 7}))
	must[bool](t)(l.FailChunk(t.Context(), failed, "broken"))
	before := must[[]Chunk](t)(l.Chunks(t.Context(), "L"))
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(10)); err != nil || ok {
		t.Fatalf("a running load was redriven: %t, %v", ok, err)
	}
	if after := must[[]Chunk](t)(l.Chunks(t.Context(), "L")); !reflect.DeepEqual(after, before) {
		t.Fatalf("a refused redrive changed the chunks: %+v", after)
	}
	seen := loadOf(t, l) // as somebody read it before it failed
	must[bool](t)(l.Fail(t.Context(), "L", "broken", at(11)))
	if ok, err := l.Redrive(t.Context(), seen, at(12)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if load := loadOf(t, l); load.Status != contract.Running || load.Execution != 1 || load.Reason != "" || !load.Updated.Equal(at(12)) {
		t.Errorf("got %+v", load)
	}
	for i, c := range must[[]Chunk](t)(l.Chunks(t.Context(), "L")) {
		want := Chunk{Index: i, Start: before[i].Start, End: before[i].End, From: before[i].From, Attempt: 2, Sent: at(12)}
		if i == 0 {
			want = before[0]
		}
		if !reflect.DeepEqual(c, want) {
			t.Errorf("got  %+v\nwant %+v", c, want)
		}
	}
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(13)); err != nil || ok {
		t.Errorf("a second redrive: %t, %v", ok, err)
	}
}

func TestRedriveOfALoadThatWasNeverPlanned(t *testing.T) {
	l := newLedger(t)
	if _, _, err := l.Receive(t.Context(), received("L")); err != nil {
		t.Fatal(err)
	}
	must[bool](t)(l.Fail(t.Context(), "L", "no such version", at(1)))
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(2)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if load := loadOf(t, l); load.Status != contract.Received || load.Execution != 1 {
		t.Errorf("got %+v", load)
	}
}

// A certified load whose workflow died before it published goes on where it was.
func TestRedriveOfACertifiedLoad(t *testing.T) {
	l := planned(t, 1)
	must[bool](t)(l.Certify(t.Context(), "L", contract.Totals{RowsIn: 3}, at(5)))
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(6)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if load := loadOf(t, l); load.Status != contract.Certified || load.Execution != 1 || load.Totals == nil || chunkOf(t, l, 0).Attempt != 1 {
		t.Errorf("got %+v", load)
	}
	must[bool](t)(l.Publish(t.Context(), "L", at(7)))
	if ok, err := l.Redrive(t.Context(), loadOf(t, l), at(8)); err != nil || ok {
		t.Errorf("a published load was redriven: %t, %v", ok, err)
	}
}

func TestStatuses(t *testing.T) {
	l := newLedger(t)
	want, ids := map[string]contract.Status{}, []string{}
	for i := range 2*getSize + 5 {
		id := fmt.Sprintf("L%03d", i)
		ids = append(ids, id)
		if i%4 == 0 {
			continue // unknown
		}
		load := received(id)
		if want[id] = contract.Received; i%2 == 0 {
			load.Status, want[id] = contract.Failed, contract.Failed
		}
		if _, _, err := l.Receive(t.Context(), load); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.Statuses(t.Context(), ids); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v\ngot  %v\nwant %v", err, got, want)
	}
	if got, err := l.Statuses(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
}

// Newest first, also within a second; a text of a time is in order only if all have the same number of digits.
func TestDay(t *testing.T) {
	l := newLedger(t)
	midnight := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for id, when := range map[string]time.Time{
		"e": midnight.Add(-time.Millisecond), "a": midnight, "b": midnight.Add(time.Millisecond), "c": midnight.Add(120 * time.Millisecond),
		"d": midnight.Add(123 * time.Millisecond), "f": midnight.Add(time.Second), "g": midnight.Add(24*time.Hour - time.Nanosecond), "h": midnight.Add(24 * time.Hour),
	} {
		load := received(id)
		load.Received = when.In(time.FixedZone("east", 9*3600))
		if _, _, err := l.Receive(t.Context(), load); err != nil {
			t.Fatal(err)
		}
	}
	for day, want := range map[string]string{"2026-01-31": "e", "2026-02-01": "gfdcba", "2026-02-02": "h", "2026-02-03": ""} {
		got := ""
		for _, load := range must[[]Load](t)(l.Day(t.Context(), day)) {
			got += load.ID
			if load.Segment != "trips" || load.Received.IsZero() {
				t.Errorf("got %+v", load)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
}

// The index and the chunks come in pages of 1 MB.
func TestLongListsAreReadPageByPage(t *testing.T) {
	l := newLedger(t)
	const n = 1_500
	doc, err := json.Marshal(contract.Ack{RowsIn: 1, HashOut: strings.Repeat("f", 1_500)})
	if err != nil {
		t.Fatal(err)
	}
	var writes []types.WriteRequest
	for _, c := range cut(n) {
		it := must[item](t)(encodeChunk("L", c))
		it[attrAck] = str(string(doc))
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	for batch := range slices.Chunk(writes, 25) {
		_, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{l.table: batch}})
		if err != nil {
			t.Fatal(err)
		}
	}
	chunks := must[[]Chunk](t)(l.Chunks(t.Context(), "L"))
	if len(chunks) != n {
		t.Fatalf("%d chunks, want %d", len(chunks), n)
	}
	for i, c := range chunks {
		if c.Index != i || c.Ack == nil || c.Ack.RowsIn != 1 {
			t.Fatalf("chunk %d: %+v", i, c)
		}
	}
}
