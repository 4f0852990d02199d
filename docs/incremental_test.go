package docs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dip/config"
)

// recordCosts is the table of docs/incremental.md: a stream with prod's defaults, at three rates.
func recordCosts(t *testing.T) string {
	t.Helper()
	s, err := config.Parse([]byte(`{"environment": "prod", "cluster": {"privateAccess": true, "digestsOnly": false},
		"segments": {"readings": {"arrival": "stream", "encoding": "ndjson"}}}`), config.Options{Files: os.DirFS(root)})
	if err != nil {
		t.Fatal(err)
	}
	segment, p := s.Segments["readings"], config.ListPrices()
	rates := []float64{100, 1_000, 100_000}
	rows := []struct {
		name string
		of   func(config.RecordCost) float64
	}{
		{"Kinesis, on demand", func(c config.RecordCost) float64 { return c.OnDemand }},
		{"or Kinesis, provisioned", func(c config.RecordCost) float64 { return c.Provisioned }},
		{"Lambda: witness, processor, closer", func(c config.RecordCost) float64 { return c.Lambda }},
		{"S3, writes and reads", func(c config.RecordCost) float64 { return c.S3 }},
		{"DynamoDB", func(c config.RecordCost) float64 { return c.Ledger }},
		{"gateway: nodes, load balancer", func(c config.RecordCost) float64 { return c.Gateway }},
		{"**together, in the cheaper mode**", config.RecordCost.Together},
	}
	var table strings.Builder
	table.WriteString("| USD for a million records of 1 KB, at | 100 a second | 1,000 | 100,000 |\n|---|--:|--:|--:|\n")
	for _, r := range rows {
		fmt.Fprintf(&table, "| %s |", r.name)
		for _, rate := range rates {
			fmt.Fprintf(&table, " %.3f |", r.of(config.CostOfRecords(p, segment.Stream, segment.MemoryMB, s.Architecture, "m7g.large",
				2, rate)))
		}
		table.WriteString("\n")
	}
	return table.String()
}

// The page's table is what the model comes to.
func TestCostsOfRecordsAreUpToDate(t *testing.T) {
	const begin, end = "<!-- costs: go test ./docs -run Costs -update -->\n", "<!-- /costs -->"
	page, err := os.ReadFile("incremental.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("docs/incremental.md has no table of costs")
	}
	now := before + begin + recordCosts(t) + end + after
	if *update {
		if err := os.WriteFile("incremental.md", []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if now != string(page) {
		t.Error("docs/incremental.md is not what the model comes to: run `go test ./docs -run Costs -update`")
	}
}
