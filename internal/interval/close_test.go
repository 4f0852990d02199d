package interval

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dip/contract"
)

// at is a record of shard a that arrives at a time, behind or in the interval [100, 200).
func at(n contract.Sequence, arrival int64) Record {
	return Message{Record: []byte("record " + n)}.Digest(n, arrival)
}

func named(n contract.Sequence, arrival int64, id string) Record {
	return Message{ID: id, Record: []byte("record " + n)}.Digest(n, arrival)
}

func mark(n contract.Sequence, end int64) Record {
	return Record{Sequence: n, At: end + 10, Marker: end}
}

func batchOf(after contract.Sequence, records ...Record) Batch {
	return Batch{After: after, Last: records[len(records)-1].Sequence, Records: records}
}

// closing is of [100, 200) with one shard, whose archive is given.
func closing(batches ...Batch) Closing {
	return Closing{Interval: Interval{100, 200}, Due: 300, Now: 250, Shards: []Shard{{ID: "a", Batches: batches}}}
}

func TestAMarkerEndsAnInterval(t *testing.T) {
	in := closing(batchOf("", at("1", 90), at("2", 100), at("3", 199), at("4", 200)), batchOf("4", mark("5", 200),
		at("6", 150)))
	in.Acks = []Ack{ackOf("a", in.Shards[0].Batches[0].Records[1:3])}
	d, err := in.Decide()
	if err != nil || d.State != Closed || d.Archived.Records != 2 || !slices.Equal(d.Counted, []int{0}) {
		t.Errorf("%+v, %v", d, err)
	}
	// The next one begins with the batch that has record 4. Record 6, behind the marker, is the next one's too.
	if want := map[string]Cursor{"a": {}}; !maps.Equal(d.Next, want) {
		t.Errorf("next: %+v", d.Next)
	}
	in.Interval, in.Shards[0].From = Interval{200, 300}, d.Next["a"]
	in.Shards[0].Batches = append(in.Shards[0].Batches, batchOf("6", mark("7", 300)))
	d, err = in.Decide()
	if err != nil || d.Archived.Records != 2 || d.State != Open || d.Next["a"] != (Cursor{"7", 300}) ||
		!reflect.DeepEqual(d.Rerun, []Piece{{"a", Set{"4", "6"}}}) {
		t.Errorf("the next one: %+v, %v", d, err)
	}
	in.Now = 300
	if d, _ = in.Decide(); d.State != Overdue || !strings.Contains(d.Problems()[0], "shard a: 2 records from 4 to 6") {
		t.Errorf("when it is due: %s, %q", d.State, d.Problems())
	}
	in.First = true
	if d, _ = in.Decide(); d.Archived.Records != 5 {
		t.Errorf("the first interval has %d records, want all", d.Archived.Records)
	}
}

func TestShardsThatKeepAnIntervalOpen(t *testing.T) {
	marked := []Batch{batchOf("", mark("9", 200))}
	early := []Batch{batchOf("", mark("8", 199))}
	for what, c := range map[string]struct {
		shards []Shard
		waits  []string
	}{
		"idle":              {[]Shard{{ID: "a"}}, []string{"a"}},
		"an earlier marker": {[]Shard{{ID: "a", Batches: early}}, []string{"a"}},
		"one of two":        {[]Shard{{ID: "a", Batches: marked}, {ID: "b"}}, []string{"b"}},
		"an inherited one":  {[]Shard{{ID: "a", From: Cursor{"", 200}}}, nil},
		"marked":            {[]Shard{{ID: "a", Batches: marked}}, nil},
		"split, one half": {[]Shard{{ID: "a"}, {ID: "b", Parents: []string{"a"}, Batches: marked}},
			[]string{"a"}},
		"split": {[]Shard{{ID: "a"}, {ID: "b", Parents: []string{"a"}, Batches: marked},
			{ID: "c", Parents: []string{"a"}}}, []string{"c"}},
		"merged": {[]Shard{{ID: "a"}, {ID: "b"}, {ID: "c", Parents: []string{"a", "b"},
			Batches: marked}}, nil},
		"merged, then split": {[]Shard{{ID: "a"}, {ID: "b", Batches: marked},
			{ID: "c", Parents: []string{"a", "b"}}, {ID: "d", Parents: []string{"c"}, Batches: marked},
			{ID: "e", Parents: []string{"c"}}}, []string{"e"}},
	} {
		in := closing()
		in.Shards = c.shards
		d, err := in.Decide()
		if got := slices.Sorted(maps.Keys(d.Waiting)); err != nil || !slices.Equal(got, c.waits) ||
			(d.State == Closed) != (len(c.waits) == 0) || len(d.Problems()) != len(c.waits) {
			t.Errorf("%s: %s waits for %q, want %q; %q, %v", what, d.State, got, c.waits, d.Problems(), err)
		}
	}
}

func TestWhichAcknowledgementsCount(t *testing.T) {
	var r []Record
	for _, n := range []contract.Sequence{"1", "2", "3", "4", "5", "6"} {
		r = append(r, at(n, 150))
	}
	wrongRows, wrongHash := ackOf("a", r[:3]), ackOf("a", r[:3])
	wrongRows.Rows++
	wrongHash.Sum.Hi++
	for what, c := range map[string]struct {
		acks  []Ack
		count int // of records that are covered
		rerun Set
	}{
		"none":   {nil, 0, Set{"1", "2", "3", "4", "5", "6"}},
		"all":    {[]Ack{ackOf("a", r)}, 6, nil},
		"halves": {[]Ack{ackOf("a", r[:3]), ackOf("a", r[3:])}, 6, nil},
		"interleaved": {[]Ack{ackOf("a", []Record{r[0], r[2], r[4]}), ackOf("a", []Record{r[1], r[3], r[5]})}, 6,
			nil},
		"nested":             {[]Ack{ackOf("a", r[:1]), ackOf("a", r[1:3]), ackOf("a", r[:4])}, 4, Set{"5", "6"}},
		"the same set twice": {[]Ack{ackOf("a", r), ackOf("a", r)}, 6, nil},
		"overlapping":        {[]Ack{ackOf("a", r[:4]), ackOf("a", r[3:])}, 4, Set{"5", "6"}},
		"a record of another": {[]Ack{ackOf("a", append(slices.Clone(r[:2]), at("7", 250)))}, 0,
			Set{"1", "2", "3", "4", "5", "6"}},
		"another shard's":        {[]Ack{ackOf("b", r)}, 0, Set{"1", "2", "3", "4", "5", "6"}},
		"nothing":                {[]Ack{{Shard: "a"}}, 0, Set{"1", "2", "3", "4", "5", "6"}},
		"wrong number of rows":   {[]Ack{wrongRows}, 0, Set{"1", "2", "3", "4", "5", "6"}},
		"wrong hash, right half": {[]Ack{wrongHash, ackOf("a", r[:2])}, 2, Set{"3", "4", "5", "6"}},
	} {
		in := closing(batchOf("", append(slices.Clone(r), at("7", 250), mark("8", 200))...))
		in.Acks = c.acks
		d, err := in.Decide()
		covered := 0
		for _, i := range d.Counted {
			covered += len(in.Acks[i].Records)
		}
		var want []Piece
		if c.rerun != nil {
			want = []Piece{{"a", c.rerun}}
		}
		if err != nil || covered != c.count || !reflect.DeepEqual(d.Rerun, want) || (d.State == Closed) != (want == nil) {
			t.Errorf("%s: %s, %d covered, again %v; %v", what, d.State, covered, d.Rerun, err)
		}
	}
}

// Of nested acknowledgements the outermost one counts, in whatever order they come.
func TestTheOutermostAcknowledgementCounts(t *testing.T) {
	var all []Record
	var acks []Ack
	for _, n := range []contract.Sequence{"1", "2", "3", "4", "5", "6", "7", "8"} {
		all = append(all, at(n, 150))
		acks = append(acks, ackOf("a", all[len(all)-1:]), ackOf("a", all))
	}
	in := closing(batchOf("", append(slices.Clone(all), mark("9", 200))...))
	for i := range acks {
		in.Acks = append(slices.Clone(acks[i:]), acks[:i]...)
		d, err := in.Decide()
		if err != nil || len(d.Counted) != 1 || len(in.Acks[d.Counted[0]].Records) != len(all) {
			t.Errorf("%d: %v, %v", i, d.Counted, err)
		}
	}
}

func TestDuplicates(t *testing.T) {
	first, again, old := named("1", 150, "x"), named("2", 150, "x"), named("3", 150, "old")
	other := named("1", 140, "x") // in shard b, and earlier
	in := closing(batchOf("", first, again, old, mark("4", 200)))
	in.Shards = append(in.Shards, Shard{ID: "b", Batches: []Batch{batchOf("", other, mark("9", 200))}})
	in.Seen = map[ID]bool{old.ID: true}
	in.Acks = []Ack{ackOf("a", []Record{first, again}), ackOf("b", []Record{other})}
	d, err := in.Decide()
	want := []Piece{{"a", Set{"1", "2", "3"}}}
	if err != nil || d.State != Closed || !reflect.DeepEqual(d.Duplicates, want) ||
		d.Repeated.Records != 3 || d.Archived.Records != 4 || !slices.Equal(d.Counted, []int{1}) {
		t.Errorf("%+v, %v", d, err)
	}
	if len(d.IDs) != 2 || !slices.Contains(d.IDs, old.ID) || !slices.Contains(d.IDs, first.ID) {
		t.Errorf("ids: %x", d.IDs)
	}
	in.Seen, in.Shards = nil, in.Shards[:1]
	if d, _ = in.Decide(); !reflect.DeepEqual(d.Duplicates, []Piece{{"a", Set{"2"}}}) ||
		!reflect.DeepEqual(d.Rerun, []Piece{{"a", Set{"1", "3"}}}) {
		t.Errorf("the first of two stays, and runs again without the second: %+v", d)
	}
}

// An archive that is not one chain proves nothing.
func TestABrokenArchive(t *testing.T) {
	for want, batches := range map[string][]Batch{
		"goes on after record 2, not after 1": {batchOf("", at("1", 150)), batchOf("2", at("3", 150))},
		"goes on after record 1, not after":   {batchOf("1", at("2", 150))},
		"is archived behind record 10":        {batchOf("", at("10", 150), at("9", 150))},
		"ends with record 1":                  {{Last: "2", Records: []Record{at("1", 150)}}},
	} {
		if d, err := closing(batches...).Decide(); err == nil || !strings.Contains(err.Error(), want) || d.State == Closed {
			t.Errorf("want %q: %v, %s", want, err, d.State)
		}
	}
}

// An acknowledgement of nothing fits every archive: it has no records, no rows and no sum. It must not count, as its
// outputs would be published.
func TestAnAcknowledgementOfNothing(t *testing.T) {
	in := closing(batchOf("", at("1", 150), mark("2", 200)))
	in.Acks = []Ack{{ID: "empty", Shard: "a"}, ackOf("a", in.Shards[0].Batches[0].Records[:1]),
		{ID: "elsewhere", Shard: "b"}}
	if d, err := in.Decide(); err != nil || d.State != Closed || !slices.Equal(d.Counted, []int{1}) {
		t.Errorf("%+v, %v", d, err)
	}
	idle := closing(batchOf("", mark("1", 200)))
	idle.Acks = in.Acks[:1]
	if d, err := idle.Decide(); err != nil || d.State != Closed || len(d.Counted) > 0 {
		t.Errorf("an interval without records: %+v, %v", d, err)
	}
}

// Of acknowledgements of the same size that overlap, the one that counts does not depend on the order in which the
// ledger lists them.
func TestTheChoiceDoesNotDependOnTheOrder(t *testing.T) {
	in := closing(batchOf("", at("1", 110), at("2", 120), at("3", 130), mark("4", 200)))
	records := in.Shards[0].Batches[0].Records
	first, second := ackOf("a", records[:2]), ackOf("a", records[1:3])
	first.ID, second.ID = "x", "y"
	for _, acks := range [][]Ack{{first, second}, {second, first}} {
		in.Acks = acks
		d, err := in.Decide()
		if err != nil || len(d.Counted) != 1 || acks[d.Counted[0]].ID != "x" {
			t.Errorf("%+v, %v", d, err)
		}
	}
}

// A record that is archived twice would count twice.
func TestARecordThatIsArchivedTwice(t *testing.T) {
	in := closing(batchOf("", at("1", 110), at("1", 110), mark("2", 200)))
	if _, err := in.Decide(); err == nil || !strings.Contains(err.Error(), "record 1 is archived behind record 1") {
		t.Errorf("%v", err)
	}
}
