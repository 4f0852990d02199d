package graph

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// reportOf is a report with n chunks.
func reportOf(n int) Report {
	r := Report{Load: "a15a39c4e7f2f00d0123456789abcdef", Segment: "trips", Stack: "dev", Input: "yellow & <green>.csv",
		Verdict: "CERTIFIED", Good: true, Quarantined: 2928,
		Facts: []Fact{{"certificate", "SHA-256 " + strings.Repeat("0123456789abcdef", 4)},
			{"rows", "in 2,901,734 = out 2,898,806 + quarantined 2,928"}, {"signature", "verified with the key sha256:00"}},
		Samples: []Rejected{{"chunk 3, byte 134,432", "total: is required, but has no value",
			"6,2026-01-01 00:04:14,<script>alert(1)</script>," + strings.Repeat("x", 300)}},
		Strips: []Strip{{}},
	}
	for i := range n {
		p := Piece{Title: fmt.Sprintf("chunk %d <b>", i), State: Done}
		switch {
		case i%97 == 3:
			p.State = Again
		case i%1500 == 700:
			p.State = Broken
		case i%41 == 7:
			p.Bad = float64(i%5+1) / 10
		case n > 100 && i > n-40:
			p.State = Pending
		}
		r.Strips[0].Pieces = append(r.Strips[0].Pieces, p)
		r.Seconds = append(r.Seconds, 1+float64(i%13)/3)
	}
	return r
}

// reports are what a page may have to show.
func reports() map[string]Report {
	interval := reportOf(0)
	interval.Interval, interval.Input = true, "2026-01-31T23:58:00Z to 2026-01-31T23:59:00Z"
	interval.Strips = []Strip{{"shardId-000000000000", reportOf(12).Strips[0].Pieces}, {"shardId-000000000001", nil}}
	interval.Seconds = []float64{0.4, 0.6}
	failed := Report{Load: "0b5b", Segment: "trips", Stack: "dev", Input: "a.csv", Verdict: "FAILED", Bad: true,
		Reason: "the header does not match:\nmissing columns: \"total\""}
	return map[string]Report{"few": reportOf(17), "many": reportOf(10_000), "interval": interval, "failed": failed,
		"open": {Load: "1", Segment: "trips", Stack: "dev", Input: "b.csv", Verdict: "running", Quarantined: 3}}
}

func TestReportPages(t *testing.T) {
	for name, r := range reports() {
		var page strings.Builder
		if err := ReportHTML(&page, r); err != nil {
			t.Fatal(err)
		}
		if folder := os.Getenv("DIP_PAGES"); folder != "" { // to be looked at
			if err := os.WriteFile(folder+"/"+name+".html", []byte(page.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text := page.String()
		for _, bad := range []string{"<script>", "<green>", "chunk 0 <b>", "http://", "https://", "src=", "ZgotmplZ"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: the page has %q", name, bad)
			}
		}
		pieces := 0
		for _, s := range r.Strips {
			pieces += len(s.Pieces)
		}
		if got := strings.Count(text, "<g><title>"); got != pieces {
			t.Errorf("%s: %d pieces of %d", name, got, pieces)
		}
		for want, is := range map[string]bool{
			"There is no certificate.": len(r.Facts) == 0, "Nothing was read yet.": len(r.Strips) == 0,
			"No records.": r.Interval, "Nothing has ended.": len(r.Seconds) == 0,
			"3 records, which cannot be shown yet.": len(r.Samples) == 0 && r.Quarantined > 0,
			"No record is in quarantine.":           r.Quarantined == 0, "1 of 2,928 records.": len(r.Samples) > 0,
			`class="verdict good"`: r.Good, `class="verdict bad"`: r.Bad, `class="verdict open"`: !r.Good && !r.Bad,
			"missing columns": r.Reason != "", "<h2>Shards</h2>": r.Interval, "Time of acknowledgements": r.Interval,
			"</svg>failed</li>": name == "many", "</svg>share in quarantine</li>": len(r.Strips) > 0, "<h2>Chunks</h2>": !r.Interval,
		} {
			if strings.Contains(text, want) != is {
				t.Errorf("%s: %q is there: %t", name, want, !is)
			}
		}
	}
}
