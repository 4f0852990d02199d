package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/graph"
	"dip/internal/lake/laketest"
	"dip/internal/ledger"
	"dip/internal/ledger/ledgertest"
	"dip/internal/stream/streamtest"
	"dip/internal/terminal"
	"dip/internal/verify"
)

// interval is one of the readings, the n-th minute.
func interval(n int, rows int64) client.Progress {
	start := received.Add(time.Duration(n) * time.Minute)
	return client.Progress{
		Load: fmt.Sprintf("%012x%020x", n+0xabc000, 0), Segment: "readings", Key: "readings/x", Status: contract.Published, Received: start,
		Interval: &contract.Interval{Start: start, End: start.Add(time.Minute)}, RowsIn: rows, RowsOut: rows,
		Chunks: 3, Done: 3, Bytes: 90 * rows, Total: 90 * rows, ElapsedSeconds: 66, BytesPerSecond: 90 * float64(rows) / 66,
	}
}

func TestLoadsOfBothLanes(t *testing.T) {
	other := interval(6, 0)
	other.Segment = "signals"
	open := interval(9, 0)
	open.Status = contract.Running
	list := []client.Progress{open, interval(8, 0), interval(7, 0), other, interval(6, 0), certified(), interval(5, 12_000),
		interval(4, 0), interval(3, 7), interval(2, 0), interval(0, 0)}
	golden(t, "loads-lanes", loadsTable(80, loadRows(list)))
	golden(t, "status-interval", statusText(80, interval(5, 12_000)))
}

func TestCertificateOfAnInterval(t *testing.T) {
	l := streamtest.New(t, 2, 120)
	for i := range 30 {
		l.Put(i%2, fmt.Sprint("a", i), fmt.Sprintf(`{"v":%d}`, i))
	}
	l.Close()
	l.Put(0, "a0", `{"v":0}`)
	l.Put(0, "", "{\"v\":\"x\x1b\"}")
	l.Put(1, "b", `{"v":7}`)
	load, err := l.Ledger.Load(t.Context(), l.Close()[0])
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := client.Certificate(t.Context(), l.Lake, load)
	if err != nil {
		t.Fatal(err)
	}
	c.Stream.Shards[1].Shard = "shardId-000000000001\x1b"
	chunks, err := client.Chunked(t.Context(), l.Ledger, l.Lake, load)
	if err != nil {
		t.Fatal(err)
	}
	text := certificateText(80, c)
	err = client.Quarantine(t.Context(), l.Lake, chunks, func(r contract.Rejected) (bool, error) {
		text += rejectedText(80, r)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "interval", text)
	report, certificate, _, err := loadReport(t.Context(), l.Ledger, l.Lake, load, "dev")
	if err != nil || certificate == nil || !report.Good || len(report.Strips) != 2 || len(report.Strips[0].Pieces) != 1 ||
		report.Strips[0].Pieces[0].Bad != 1 || len(report.Samples) != 1 || len(report.Seconds) != 2 || !report.Interval ||
		!strings.HasPrefix(report.Facts[len(report.Facts)-1].Value, "the key sha256:") {
		t.Errorf("%+v, %v", report, err)
	}
	golden(t, "report-interval", reportText(verify.Report{Load: c.Load, Verified: true, RowsIn: 2, RowsOut: 1,
		Quarantined: 1, Checks: 44, Signature: verify.SignatureNotChecked, Stream: &verify.Retained{Compared: 5}})+
		reportText(verify.Report{Load: c.Load, Stream: &verify.Retained{Compared: 5, Expired: 2}}))
	if strings.Contains(text, "\x1b") {
		t.Error("an escape sequence is shown")
	}
}

func TestTail(t *testing.T) {
	c := client.Certified{Start: received, End: received.Add(time.Minute), Records: 1_234_567, RowsOut: 1_234_000,
		Quarantined: 500, Duplicates: 67, PerSecond: 20_576.1, LagSeconds: 18.4}
	idle := client.Certified{Start: c.End, End: c.End.Add(time.Minute), LagSeconds: 3725}
	few := client.Certified{Start: c.End, End: c.End.Add(time.Minute), Records: 3, RowsOut: 3, PerSecond: 0.05}
	golden(t, "tail", certifiedTitle+certifiedLine(c)+certifiedLine(idle)+certifiedLine(few)+
		watermarkLine(c.End, c.End.Add(80*time.Second))+"\n"+watermarkLine(time.Time{}, c.End)+"\n")
}

func TestClosedText(t *testing.T) {
	span := contract.Interval{Start: received, End: received.Add(time.Minute)}
	golden(t, "closed", closedText("readings", client.Closed{Certified: []string{"a", "b"}, Waiting: &span,
		State: "overdue", Problems: []string{"shard s: no marker is archived; the archive ends at record none\x1b"}})+
		closedText("readings", client.Closed{}))
}

// A load that has not ended, or has failed, has a report too.
func TestReportsOfLoadsWithoutACertificate(t *testing.T) {
	books := ledgertest.New()
	load := ledger.Load{ID: loadName, Segment: "trips", Object: contract.Object{Key: "trips/a.csv", Size: 30},
		Received: received, Status: contract.Failed, Reason: "the header does not match", Plan: &ledger.Plan{Chunks: 4}}
	books.Seed(load, ledger.Chunk{Attempt: 1, Ack: &contract.Ack{RowsIn: 10, Quarantined: 5, Millis: 2000}},
		ledger.Chunk{Index: 1, Attempt: 2, Ack: &contract.Ack{RowsIn: 10, Millis: 3000}},
		ledger.Chunk{Index: 2, Attempt: 1, Failure: "too many partitions"}, ledger.Chunk{Index: 3, Attempt: 1})
	r, c, _, err := loadReport(t.Context(), books, laketest.New("lake"), load, "dev")
	if err != nil || c != nil || !r.Bad || r.Good || r.Reason != load.Reason || len(r.Strips) != 1 || len(r.Facts) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	want := []graph.Piece{{State: graph.Done, Bad: 0.5}, {State: graph.Again}, {State: graph.Broken}, {State: graph.Pending}}
	for i, p := range r.Strips[0].Pieces {
		if p.State != want[i].State || p.Bad != want[i].Bad || p.Title == "" {
			t.Errorf("piece %d: %+v, want %+v", i, p, want[i])
		}
	}
	if got := r.Strips[0].Pieces[2].Title; got != "chunk 2, from byte 0: failed, attempt 1, too many partitions" {
		t.Errorf("%q", got)
	}
	if !slices.Equal(r.Seconds, []float64{2, 3}) {
		t.Errorf("seconds %v", r.Seconds)
	}
}

// The commands of one lane name those of the other.
func TestCommandsOfTheOtherLane(t *testing.T) {
	t.Setenv(tokenVariable, "secret")
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	outputs := client.Outputs{Segments: map[string]contract.SegmentOutputs[string]{
		"readings": {Stream: &contract.StreamOutputs[string]{}}, "trips": {},
	}}
	for line, want := range map[string]string{
		"put " + file + " --segment readings":  "use dip send",
		"send " + file + " --segment trips":    "use dip put",
		"send " + file + " --segment readings": "has no gateway",
		"send " + file + " --segment other":    "not found",
	} {
		var out, errs bytes.Buffer
		a := &app{screen: &terminal.Screen{Out: &out, Err: &errs}}
		a.connect = func(context.Context) (*client.Stack, error) {
			return &client.Stack{Name: "dev", Outputs: outputs}, nil
		}
		if code := a.run(t.Context(), strings.Fields(line)); code == ExitOK || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d, %s", line, code, errs.String())
		}
	}
}
