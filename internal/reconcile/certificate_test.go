package reconcile

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

func TestCertificateGolden(t *testing.T) {
	l, chunks := planned(2)
	done(chunks)
	chunks[1].From, chunks[1].Attempt = ptr(int64(100)), 2 // it was rerun
	ack(&chunks[1], 100, 200, 7)
	chunks[1].Ack.Code = "01de"
	c, err := Certificate("dev", l, chunks)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(k ledger.Chunk) contract.ChunkProof {
		return contract.ChunkProof{Chunk: k.Index, CutStart: k.Start, CutEnd: k.End, Ack: *k.Ack}
	}
	want := contract.Certificate{
		Version: 1, Load: "L", Segment: "things", Stack: "dev", Catalog: "catalog/old.json", Input: l.Object,
		Compression: contract.Plain, Body: 10, Length: 200, Columns: []int{1, -1}, Width: 2,
		Chunks: []contract.ChunkProof{proof(chunks[0]), proof(chunks[1])},
		Totals: contract.Totals{
			Chunks: 2, RowsIn: 6, RowsOut: 4, Quarantined: 2, Bytes: 190, BytesOut: 40, Attempts: 3,
			Codes:   []string{"01de", "c0de"},
			HashOut: "00000000000000020000000000000004", HashBad: "0000000000000000000000000000000a",
		},
		Chain:    contract.ChainProof{Closed: true, Position: 200, Reruns: 1},
		Received: l.Received, Certified: at(7), // the last acknowledgement: a repeated step gives the same bytes
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	first, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Certificate("dev", l, chunks)
	if second, merr := json.Marshal(again); err != nil || merr != nil || string(first) != string(second) {
		t.Errorf("the same ledger gave a different certificate: %v, %v", err, merr)
	}
}

func TestCertificateOfAnEmptyLoad(t *testing.T) {
	l, chunks := planned(0)
	l.Object.Size = l.Plan.Body
	c, err := Certificate("dev", l, chunks)
	if err != nil || !c.Chain.Closed || c.Totals.RowsIn != 0 || !c.Certified.Equal(began) {
		t.Errorf("%+v, %v", c, err)
	}
	data, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(data), `"chunks":[]`) || !strings.Contains(string(data), `"codes":[]`) {
		t.Errorf("lists must not be null: %s, %v", data, err)
	}
}

func TestEveryViolationIsDetected(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(l *ledger.Load, k []ledger.Chunk)
		want string
	}{
		{"a chunk did not report", func(_ *ledger.Load, k []ledger.Chunk) { k[1].Ack = nil },
			"the chain is not closed: proven up to byte 100 of 300; missing chunks [1]"},
		{"a gap", func(_ *ledger.Load, k []ledger.Chunk) { k[1].Ack.Start++ },
			"the chain is not closed: proven up to byte 100 of 300"},
		{"an overlap", func(_ *ledger.Load, k []ledger.Chunk) { k[1].Ack.Start-- }, "the chain is not closed"},
		{"the end is missing", func(_ *ledger.Load, k []ledger.Chunk) { k[2].Ack.End-- }, "the chain is not closed"},
		{"past the end", func(_ *ledger.Load, k []ledger.Chunk) { k[2].Ack.End++ }, "the chain is not closed"},
		{"not from the first record on", func(l *ledger.Load, _ []ledger.Chunk) { l.Plan.Body-- }, "the chain is not closed"},
		{"a record was lost", func(_ *ledger.Load, k []ledger.Chunk) { k[1].Ack.RowsIn++ },
			"chunk 1: 4 rows in, 2 out, 1 quarantined"},
		{"a record was invented", func(_ *ledger.Load, k []ledger.Chunk) { k[1].Ack.RowsIn-- }, "chunk 1: 2 rows in"},
		{"an output has too few rows", func(_ *ledger.Load, k []ledger.Chunk) { k[0].Ack.Outputs[0].Rows = 1 },
			"chunk 0: 2 rows out, its outputs hold 1"},
		{"an output is missing", func(_ *ledger.Load, k []ledger.Chunk) { k[0].Ack.Outputs = nil }, "its outputs hold 0"},
		{"an output too many", func(_ *ledger.Load, k []ledger.Chunk) {
			k[0].Ack.Outputs = append(k[0].Ack.Outputs, contract.Output{Rows: 1})
		}, "its outputs hold 3"},
		{"the quarantine is missing", func(_ *ledger.Load, k []ledger.Chunk) { k[2].Ack.Quarantine = nil },
			"chunk 2: 1 rows quarantined, its quarantine holds 0"},
		{"the quarantine has too many", func(_ *ledger.Load, k []ledger.Chunk) { k[2].Ack.Quarantine.Rows = 2 },
			"its quarantine holds 2"},
		{"the hash is invalid", func(_ *ledger.Load, k []ledger.Chunk) { k[1].Ack.HashOut = "x" }, "chunk 1:"},
		{"the other hash is invalid", func(_ *ledger.Load, k []ledger.Chunk) { k[1].Ack.HashBad = "" }, "chunk 1:"},
	} {
		l, chunks := planned(3)
		done(chunks)
		if _, err := Certificate("dev", l, chunks); err != nil {
			t.Fatal(err)
		}
		c.harm(&l, chunks)
		if _, err := Certificate("dev", l, chunks); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	l, chunks := planned(2)
	done(chunks)
	chunks[0].Ack.RowsIn, chunks[1].Ack.Quarantine = 9, nil
	if _, err := Certificate("dev", l, chunks); err == nil || !strings.Contains(err.Error(), "chunk 0") ||
		!strings.Contains(err.Error(), "chunk 1") {
		t.Errorf("want every problem at once: %v", err)
	}
}

// Two errors that would cancel out in the totals.
func TestErrorsDoNotCancelOut(t *testing.T) {
	l, chunks := planned(2)
	done(chunks)
	chunks[0].Ack.RowsIn++
	chunks[1].Ack.RowsIn--
	if _, err := Certificate("dev", l, chunks); err == nil {
		t.Error("certified with one record lost and one invented")
	}
}

func TestTooBad(t *testing.T) {
	for _, c := range []struct {
		bad, rows int64
		limit     float64
		want      bool
	}{
		{0, 0, 0, false}, {0, 10, 0, false}, {1, 10, 0, true}, {1, 1000, 0, true},
		{1, 10, 0.1, false}, {2, 10, 0.1, true},
		{29, 100, 0.29, false}, {30, 100, 0.29, true}, // 0.29 * 100 is less than 29 in binary
		{7, 100, 0.07, false}, {55, 1000, 0.055, false}, {57, 100, 0.57, false},
		{10, 10, 1, false}, {10, 10, 0.999, true},
	} {
		why := TooBad(contract.Totals{RowsIn: c.rows, Quarantined: c.bad}, c.limit)
		if (why != "") != c.want {
			t.Errorf("%d of %d at %v: %q", c.bad, c.rows, c.limit, why)
		}
	}
	why := TooBad(contract.Totals{RowsIn: 300, Quarantined: 200}, 0.05)
	if !strings.HasPrefix(why,
		"200 of 300 records (66.67 %) do not fit the schema; the segment's limit maxBadShare is 5.00 %") {
		t.Error(why)
	}
}

// An unclosed quote makes one bad record of many lines.
func TestTooBadByLines(t *testing.T) {
	swallowed := contract.Totals{RowsIn: 20_001, Quarantined: 1, LinesIn: 60_000, LinesBad: 40_000}
	want := "40000 of 60000 lines (66.67 %) belong to 1 records that do not fit the schema: is a quote never closed? " +
		"The segment's limit maxBadShare is 5.00 %"
	if why := TooBad(swallowed, 0.05); !strings.HasPrefix(why, want) {
		t.Errorf("%q", why)
	}
	if why := TooBad(swallowed, 0.7); why != "" {
		t.Errorf("within the limit: %q", why)
	}
	// Where records have many lines each, one bad record of the usual length is within the limit.
	if why := TooBad(contract.Totals{RowsIn: 100, Quarantined: 1, LinesIn: 10_000, LinesBad: 100}, 0.01); why != "" {
		t.Errorf("long records: %q", why)
	}
	// Chunks that older code acknowledged have no line counts.
	if why := TooBad(contract.Totals{RowsIn: 1000, Quarantined: 3, LinesIn: 10, LinesBad: 3}, 0.01); why != "" {
		t.Errorf("lines of one chunk of many: %q", why)
	}
}

// A share of bad rows is within a limit of exactly that share, whatever the fraction.
func TestTooBadAtTheLimit(t *testing.T) {
	for rows := int64(1); rows <= 200; rows++ {
		for bad := int64(0); bad <= rows; bad++ {
			limit := float64(bad) / float64(rows)
			if why := TooBad(contract.Totals{RowsIn: rows, Quarantined: bad}, limit); why != "" {
				t.Fatalf("%d of %d: %s", bad, rows, why)
			}
			if bad < rows && TooBad(contract.Totals{RowsIn: rows, Quarantined: bad + 1}, limit) == "" {
				t.Fatalf("%d of %d passes a limit of %v", bad+1, rows, limit)
			}
		}
	}
}

func TestManifestIsInTheOrderOfTheRecords(t *testing.T) {
	_, chunks := planned(3)
	done(chunks)
	chunks[0].Ack.Outputs = []contract.Output{{Key: "data/a/0"}, {Key: "data/b/0"}}
	chunks[1].Ack.Outputs = nil
	chunks[2].Ack.Outputs = []contract.Output{{Key: "data/a/2"}}
	if got, want := string(Manifest("lake",
		chunks)), "s3://lake/data/a/0\ns3://lake/data/b/0\ns3://lake/data/a/2\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestReason(t *testing.T) {
	for cause, want := range map[string]string{
		`{"errorMessage":"no such bucket","errorType":"wrapError"}`: "no such bucket",
		`{"errorMessage":"","errorType":"x"}`:                       `{"errorMessage":"","errorType":"x"}`,
		" timed out \n":                                             "timed out",
		`"quoted"`:                                                  `"quoted"`,
		"":                                                          "the workflow failed without a cause",
		" ":                                                         "the workflow failed without a cause",
	} {
		if got := Reason(cause); got != want {
			t.Errorf("%q: %q, want %q", cause, got, want)
		}
	}
}
