package cli

import (
	"strings"
	"testing"

	"dip/internal/restore"
)

func TestDrillText(t *testing.T) {
	r := restore.Report{Complete: true, Duplicates: 1, AgainCount: 2, Again: []string{"s3://landing/trips/\x1b[31mred"},
		Segments: []*restore.Segment{
			{Segment: "trips", Certificates: 3, Proven: 2, InputGone: 1, RowsOut: 12_345, Head: 3, Chain: true,
				Signature: "verified"},
			{Segment: "parts", Certificates: 1, Head: 1},
		}}
	text := drillText(0, r)
	for _, want := range []string{"12,345", "3, signatures verified", "BROKEN", "\nCOMPLETE; 1 duplicate of a certified load",
		"to be loaded again: 2 inputs"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a key moves the cursor")
	}
	r.Complete = false
	if text := drillText(0, r); !strings.Contains(text, "NOT COMPLETE") {
		t.Error(text)
	}
}
