package rollout

import (
	"strings"
	"testing"

	"dip/contract"
)

// acked is a chunk as it was certified: 100 records, of which 10 are quarantined.
func acked() contract.Ack {
	return contract.Ack{
		Start: 10, End: 1000, RowsIn: 100, RowsOut: 90, Quarantined: 10, LinesIn: 100, LinesBad: 10, HashOut: "out",
		HashBad: "bad", Outputs: []contract.Output{{Key: "data/L/0", Partition: "day=1", Rows: 90, Bytes: 5, SHA256: "s"}},
		Quarantine: &contract.Output{Key: "quarantine/L/0", Rows: 10, SHA256: "q"}, Code: "old", Runtime: "3", Attempt: 2,
	}
}

func TestCompare(t *testing.T) {
	made := func(change func(*contract.Ack)) contract.ShadowResponse {
		a := acked()
		a.Code, a.Runtime, a.Attempt = "new", "4", 0
		if change != nil {
			change(&a)
		}
		return contract.ShadowResponse{Ack: &a}
	}
	revised := func(change func(*contract.Ack)) contract.ShadowResponse {
		return made(func(a *contract.Ack) {
			a.Revision = 1
			a.HashOut, a.HashBad, a.Outputs[0].SHA256 = "other", "others", "others"
			change(a)
		})
	}
	for name, c := range map[string]struct {
		got  contract.ShadowResponse
		want outcome
		text string
	}{
		"the same":                           {got: made(nil)},
		"a quarantine file of other reasons": {got: made(func(a *contract.Ack) { a.Quarantine.SHA256 = "reworded" })},
		"another place":                      {made(func(a *contract.Ack) { a.Start = 11 }), wrong, "covers bytes 11 to"},
		"an earlier end":                     {made(func(a *contract.Ack) { a.End = 999 }), wrong, "covers bytes 10 to 999"},
		"fewer rows": {made(func(a *contract.Ack) { a.RowsIn, a.RowsOut = 99, 89 }), wrong,
			"has 99 records, certified are 100"},
		"a record that is nowhere": {made(func(a *contract.Ack) { a.RowsOut-- }), wrong,
			"has 100 records, but 89 rows and 10 quarantined"},
		"more quarantine": {made(func(a *contract.Ack) { a.RowsOut, a.Quarantined = 89, 11 }), wrong,
			"quarantines 11 records, certified are 10"},
		"less quarantine":    {made(func(a *contract.Ack) { a.RowsOut, a.Quarantined = 91, 9 }), wrong, "quarantines 9"},
		"other hashes":       {made(func(a *contract.Ack) { a.HashOut = "x" }), wrong, "other records in its output"},
		"another quarantine": {made(func(a *contract.Ack) { a.HashBad = "x" }), wrong, "quarantines other records"},
		"other lines":        {made(func(a *contract.Ack) { a.LinesIn = 101 }), wrong, "has 101 lines, 10 of them"},
		"other bad lines":    {made(func(a *contract.Ack) { a.LinesBad = 11 }), wrong, "has 100 lines, 11 of them"},
		"other values": {made(func(a *contract.Ack) { a.Outputs[0].SHA256 = "x" }), wrong,
			"other values or other files"},
		"another partition":   {made(func(a *contract.Ack) { a.Outputs[0].Partition = "day=2" }), wrong, "other files"},
		"other rows of files": {made(func(a *contract.Ack) { a.Outputs[0].Rows = 1 }), wrong, "other files"},
		"a file less":         {made(func(a *contract.Ack) { a.Outputs = nil }), wrong, "other files"},
		"an error":            {contract.ShadowResponse{Error: "no such column"}, wrong, "failed: no such column"},
		"a timeout": {contract.ShadowResponse{Error: "Sandbox.Timedout: Task timed out after 30.00 seconds"}, wrong,
			"failed: Sandbox.Timedout"},
		"an input that is gone": {contract.ShadowResponse{Error: "deleted", Absent: true}, skipped, "deleted"},

		"changed on purpose": {revised(func(*contract.Ack) {}), meant, "as its output revision 1 is meant to"},
		"changed on purpose, a little more quarantine": {
			revised(func(a *contract.Ack) { a.RowsOut, a.Quarantined = 85, 15 }), meant, ""},
		"changed on purpose, a little less": {
			revised(func(a *contract.Ack) { a.RowsOut, a.Quarantined = 95, 5 }), meant, ""},
		"changed on purpose, much more quarantine": {
			revised(func(a *contract.Ack) { a.RowsOut, a.Quarantined = 84, 16 }), wrong, "quarantines 16 of 100 records"},
		"changed on purpose, much less": {
			revised(func(a *contract.Ack) { a.RowsOut, a.Quarantined = 96, 4 }), wrong, "quarantines 4 of 100 records"},
		"changed on purpose, fewer rows": {
			revised(func(a *contract.Ack) { a.RowsIn, a.RowsOut = 99, 89 }), wrong, "has 99 records"},
		"changed on purpose, a record that is nowhere": {
			revised(func(a *contract.Ack) { a.RowsOut-- }), wrong, "has 100 records, but 89"},
		"changed on purpose, another place": {
			revised(func(a *contract.Ack) { a.End = 1001 }), wrong, "covers bytes"},
	} {
		got, text := compare(acked(), c.got, 0.05)
		if got != c.want || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %q, want %d %q", name, got, text, c.want, c.text)
		}
	}
}

func TestWithin(t *testing.T) {
	for name, c := range map[string]struct {
		a, b tally
		want bool
	}{
		"the same":         {tally{100, 10}, tally{200, 20}, true},
		"at the bound":     {tally{4, 1}, tally{2, 1}, true},
		"above":            {tally{4, 0}, tally{100, 26}, false},
		"below":            {tally{100, 26}, tally{4, 0}, false},
		"nothing was made": {tally{}, tally{1, 1}, true},
		"no baseline":      {tally{1, 1}, tally{}, true},
	} {
		if got := within(c.a, c.b, 0.25); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestJudgeShadow(t *testing.T) {
	of := func(o outcome, text string) compared {
		ack := acked()
		s := sample{}
		s.load.ID, s.chunk.Index, s.chunk.Ack = "L", 7, &ack
		return compared{s, o, text}
	}
	for name, c := range map[string]struct {
		results []compared
		want    contract.Check
	}{
		"no certified chunk yet": {nil, contract.Check{Passed: true,
			Text: "nothing was compared: there is no certified chunk yet that a function can process again"}},
		"no input can be read": {[]compared{of(skipped, "")}, contract.Check{Passed: true, Skipped: 1,
			Text: "nothing was compared: the inputs of 1 certified chunks cannot be read any more"}},
		"all the same": {[]compared{of(same, ""), of(same, ""), of(skipped, "")}, contract.Check{Passed: true, Chunks: 2,
			Rows: 200, Skipped: 1, Text: "2 certified chunks came out the same"}},
		"changed on purpose": {[]compared{of(same, ""), of(meant, "differs")}, contract.Check{Passed: true, Chunks: 2,
			Rows: 200, Text: "2 certified chunks have the same records, 1 of them another output, as the output revision says"}},
		"one is wrong": {[]compared{of(same, ""), of(wrong, "has 9 records"), of(meant, "")}, contract.Check{Chunks: 3,
			Rows: 300, Text: "chunk 7 of load L has 9 records"}},
		"many are wrong": {[]compared{of(wrong, "a"), of(wrong, "b"), of(wrong, "c"), of(wrong, "d"), of(wrong, "e")},
			contract.Check{Chunks: 5, Rows: 500,
				Text: "chunk 7 of load L a; chunk 7 of load L b; chunk 7 of load L c; and 2 more"}},
	} {
		if got := judgeShadow(c.results); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
