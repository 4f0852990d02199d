package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/stream/streamtest"
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
