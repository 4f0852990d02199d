package cli

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/terminal"
	"dip/internal/verify"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with testdata/name and checks that it fits an 80-column terminal.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
	for line := range strings.Lines(got) {
		if n := terminal.Columns(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%s: %d columns: %s", name, n, line)
		}
	}
}

var received = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func certified() client.Progress {
	return client.Progress{
		Load: "a15a39c4e7f2f00d0123456789abcdef", Segment: "trips", Key: "trips/yellow tripdata of January 2026.csv",
		Status:   contract.Published,
		Received: received, Chunks: 17, Done: 17, Retried: 1, RowsIn: 2_901_734, RowsOut: 2_898_806, Quarantined: 2_928,
		Bytes: 285_000_123, Total: 285_000_123, ElapsedSeconds: 14.84, BytesPerSecond: 19.2e6,
	}
}

func underWay() client.Progress {
	p := certified()
	eta := 75.0
	p.Status, p.Done, p.Running, p.Waiting, p.Bytes, p.ETASeconds = contract.Running, 5, 4, 8, 80_000_000, &eta
	p.States = []client.ChunkState{
		{Chunk: 0, State: client.Done, Attempt: 1, Start: 223, End: 16_777_439, Rows: 170_000, Seconds: 1.25},
		{Chunk: 1, State: client.Running, Attempt: 2, Start: 16_777_439, End: 33_554_655,
			LastError: "the function ended with signal: killed\x1b[2J and said nothing else at all"},
		{Chunk: 2, State: client.Waiting, Attempt: 1, Start: 33_554_655, End: -1},
	}
	return p
}

func failed() client.Progress {
	p := certified()
	p.Load, p.Status, p.Reason = "0b5bb2aba3d57a52df7d400000000000", contract.Failed, "the header does not "+
		"match:\nmissing columns: \"total\"\x07"
	return p
}

func TestSummaries(t *testing.T) {
	gz := certified()
	gz.Segment, gz.Key = "events", "events/2026-01-31.ndjson.gz"
	golden(t, "summary", summaryTable(80, []client.Progress{certified(), gz, failed()}))
	golden(t, "summary-lines", summaryLine(certified())+summaryLine(failed()))
}

func TestStatusAndLoads(t *testing.T) {
	golden(t, "status", statusText(80, underWay()))
	golden(t, "status-failed", statusText(80, failed()))
	golden(t, "loads", loadsTable(80, loadRows([]client.Progress{certified(), failed(), underWay()})))
	list := []client.Progress{certified(), failed(), underWay()}
	for i := range list {
		list[i].Deadline = list[i].Received.Add(time.Minute)
	}
	list[0].Deadline = list[0].Received
	golden(t, "loads-deadline", loadsTable(80, loadRows(list)))
	golden(t, "status-deadline", statusText(80, list[2]))
}

func TestSlackText(t *testing.T) {
	for want, c := range map[string]struct {
		status contract.Status
		slack  time.Duration
	}{
		"met, with 1m00s left":              {contract.Published, time.Minute},
		"missed by 1m00s":                   {contract.Published, -time.Minute},
		"at this rate met, with 1m00s left": {contract.Running, time.Minute},
		"at this rate missed by 1m00s":      {contract.Running, -time.Minute},
	} {
		if got := slackText(client.Progress{Status: c.status}, c.slack); got != want {
			t.Errorf("%s %s: %s, want %s", c.status, c.slack, got, want)
		}
	}
}

func TestProgress(t *testing.T) {
	lines := progressLines(client.Progress{Load: certified().Load})
	lines = append(lines, progressLines(client.Progress{Load: certified().Load, Status: contract.Received})...)
	lines = append(lines, progressLines(underWay())...)
	lines = append(lines,
		uploadLine("yellow tripdata of January.csv", 80_000_000, 285_000_000, 4*time.Second),
		uploadLine("-", 80_000_000, 0, 4*time.Second), uploadLine("empty", 0, 10, 0))
	golden(t, "progress", strings.Join(lines, "\n")+"\n")
}

func TestCertificateQuarantineAndReport(t *testing.T) {
	c := contract.Certificate{
		Load: certified().Load, Compression: contract.Plain, Body: 223, Length: 285_000_346,
		Input: contract.Object{Bucket: "landing", Key: certified().Key, VersionID: "c2647207", Size: 285_000_346},
		Totals: contract.Totals{Chunks: 2, RowsIn: 30, RowsOut: 28, Quarantined: 2, HashOut: strings.Repeat("7", 32),
			HashBad: strings.Repeat("0", 32), Codes: []string{"46f803294837355a", "9"}},
		Chain:    contract.ChainProof{Closed: true, Position: 285_000_346, Reruns: 1},
		Received: received, Certified: received.Add(15 * time.Second),
		Chunks: []contract.ChunkProof{
			{Chunk: 0, Ack: contract.Ack{Start: 223, End: 16_777_439, RowsIn: 15, RowsOut: 15, Code: "46f803294837355a",
				Attempt: 1}},
			{Chunk: 1, Ack: contract.Ack{Start: 16_777_439, End: 285_000_346, RowsIn: 15, RowsOut: 13, Quarantined: 2, Code: "9",
				Attempt: 2}},
		},
	}
	golden(t, "certificate", certificateText(80, c))
	r := contract.Rejected{Chunk: 3, Start: 134_432, End: 134_550, Field: "total", Reason: "is required, but has no value"}
	r.SetRaw([]byte("6,2026-01-01 00:04:14,\"line\nbreak\",\xff\x1b[31m," + strings.Repeat("x", 80) + "\n"))
	golden(t, "quarantine", rejectedText(80, r))
	golden(t, "report", reportText(verify.Report{Load: c.Load, Verified: true, RowsIn: 30, RowsOut: 28, Quarantined: 2,
		Checks: 226, Signature: verify.SignatureVerified, Key: "sha256:" + strings.Repeat("0123", 16)})+
		reportText(verify.Report{Load: c.Load, Signature: verify.SignatureNotChecked})+
		chainText(verify.ChainReport{Segment: "trips", Verified: true, Certificates: 1_204, Checks: 4_816, Pending: 1,
			Signature: verify.SignatureNotChecked})+
		chainText(verify.ChainReport{Segment: "events", Certificates: 1, Checks: 1, Signature: verify.SignatureInvalid}))
}
