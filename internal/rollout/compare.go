package rollout

import (
	"fmt"
	"math"
	"slices"

	"dip/contract"
)

// outcome is how what a version made of a chunk compares with what was certified.
type outcome int

const (
	same    outcome = iota // the same rows, and the same bytes
	meant                  // other output, as its revision says, within what is allowed
	skipped                // the input cannot be read any more
	wrong                  // other output, or none
)

// compare compares what a version made of a chunk with its acknowledgement. Within one revision everything has to be
// the same: places, counts, hashes of the records on both sides, and the bytes of the outputs. A version with another
// revision has to read the same records, and may quarantine another share of them, by at most drift.
func compare(want contract.Ack, got contract.ShadowResponse, drift float64) (outcome, string) {
	if got.Absent {
		return skipped, got.Error
	}
	if got.Ack == nil {
		return wrong, "failed: " + got.Error
	}
	a := *got.Ack
	switch {
	case a.Start != want.Start || a.End != want.End:
		return wrong, fmt.Sprintf("covers bytes %d to %d, certified are %d to %d", a.Start, a.End, want.Start, want.End)
	case a.RowsIn != want.RowsIn:
		return wrong, fmt.Sprintf("has %d records, certified are %d", a.RowsIn, want.RowsIn)
	case a.RowsIn != a.RowsOut+a.Quarantined:
		return wrong, fmt.Sprintf("has %d records, but %d rows and %d quarantined", a.RowsIn, a.RowsOut, a.Quarantined)
	}
	if a.Revision != want.Revision {
		if !within(tally{a.RowsIn, a.Quarantined}, tally{want.RowsIn, want.Quarantined}, drift) {
			return wrong, fmt.Sprintf("quarantines %d of %d records, certified are %d: more than quarantineDrift apart",
				a.Quarantined, a.RowsIn, want.Quarantined)
		}
		return meant, fmt.Sprintf("differs, as its output revision %d is meant to", a.Revision)
	}
	if why := difference(want, a); why != "" {
		return wrong, why
	}
	return same, ""
}

// difference says how two acknowledgements of the same records differ; "": not at all.
func difference(want, got contract.Ack) string {
	switch {
	case got.Quarantined != want.Quarantined:
		return fmt.Sprintf("quarantines %d records, certified are %d", got.Quarantined, want.Quarantined)
	case got.HashBad != want.HashBad:
		return "quarantines other records"
	case got.HashOut != want.HashOut:
		return "has other records in its output"
	case got.LinesIn != want.LinesIn || got.LinesBad != want.LinesBad:
		return fmt.Sprintf("has %d lines, %d of them quarantined; certified are %d and %d", got.LinesIn, got.LinesBad,
			want.LinesIn, want.LinesBad)
	case !slices.EqualFunc(got.Outputs, want.Outputs, sameOutput):
		return "writes other values or other files for the same records"
	}
	return ""
}

// sameOutput compares two files by what is in them. Their keys name the load too.
func sameOutput(a, b contract.Output) bool {
	return a.Partition == b.Partition && a.Rows == b.Rows && a.SHA256 == b.SHA256
}

// tally is a number of records, and how many of them are quarantined.
type tally struct{ records, quarantined int64 }

func (t tally) plus(a *contract.Ack) tally {
	return tally{t.records + a.RowsIn, t.quarantined + a.Quarantined}
}

// share is the quarantined share; 0 of nothing.
func (t tally) share() float64 {
	if t.records == 0 {
		return 0
	}
	return float64(t.quarantined) / float64(t.records)
}

// within says whether two quarantined shares differ by no more than drift. A share of nothing is no share.
func within(a, b tally, drift float64) bool {
	return a.records == 0 || b.records == 0 || math.Abs(a.share()-b.share()) <= drift
}
