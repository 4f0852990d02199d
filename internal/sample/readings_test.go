package sample

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestReadingsFitTheirSchemaOrAreCountedBad(t *testing.T) {
	fields := readSchema(t, "readings")
	for _, share := range []float64{0, 0.2} {
		data, s := generate(t, Readings, Options{Rows: 100_000, Seed: 5, BadShare: share})
		reasons, quantities := map[string]int{}, map[any]int{}
		seen, repeated, bad := map[string]string{}, int64(0), int64(0)
		for line := range bytes.Lines(data) {
			reason, reading := eventProblem(line, fields)
			if reason == "utf-8" || reason == "json" {
				t.Fatalf("a gateway refuses %s", line)
			}
			if reason != "" {
				reasons[reason]++
				bad++
			}
			quantities[reading["quantity"]]++
			id := reading["id"].(string)
			if before, again := seen[id]; again {
				repeated++
				if before != string(line) || reason != "" {
					t.Errorf("%s is repeated as %s", before, line)
				}
			}
			seen[id] = string(line)
		}
		if bad != s.Bad || repeated != s.Repeated || int64(len(seen)) != s.Rows-repeated {
			t.Errorf("%d bad, %d repeated, want %d and %d: %v", bad, repeated, s.Bad, s.Repeated, reasons)
		}
		if repeated < 4 || repeated > 20 || len(quantities) != 4 {
			t.Errorf("%d repeated, quantities %v", repeated, quantities)
		}
		for _, reason := range []string{"sensor", "value", "unit", "measured_at"} {
			if (reasons[reason] == 0) != (share == 0) {
				t.Errorf("bad share %g: %d are bad for their %s: %v", share, reasons[reason], reason, reasons)
			}
		}
	}
	a, _ := generate(t, Readings, Options{Rows: 1, Seed: 1})
	b, _ := generate(t, Readings, Options{Rows: 1, Seed: 2})
	var first, second struct{ ID string }
	if json.Unmarshal(a, &first) != nil || json.Unmarshal(b, &second) != nil || first.ID == second.ID {
		t.Errorf("samples of two seeds share the id %s", first.ID)
	}
}
