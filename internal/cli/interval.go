package cli

import (
	"fmt"
	"strings"
	"time"

	"dip/contract"
	"dip/internal/terminal"
)

// intervalText shows the certificate of an interval.
func intervalText(width int, c contract.Certificate) string {
	var b strings.Builder
	s, t := c.Stream, c.Totals
	fmt.Fprintf(&b, "load       %s\nstream     %s\ninterval   %s to %s\n", c.Load, terminal.Printable(c.Input.Bucket),
		s.Start.UTC().Format(time.RFC3339), s.End.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "records    archived %s = out %s + quarantined %s + repeated %s\n", terminal.Count(s.Archived.Records),
		terminal.Count(t.RowsOut), terminal.Count(t.Quarantined), terminal.Count(s.Repeated.Records))
	fmt.Fprintf(&b, "size       %s\n", terminal.Bytes(c.Length))
	fmt.Fprintf(&b, "covered    by %s, each record by one\n", plural(t.Chunks, "acknowledgement"))
	back := "none"
	if s.LookBackSeconds > 0 {
		back = terminal.Duration(time.Duration(s.LookBackSeconds) * time.Second)
	}
	fmt.Fprintf(&b, "look-back  %s for repeated ids\n", back)
	fmt.Fprintf(&b, "hashes     out %s\n           quarantined %s\n           repeated %s\n", t.HashOut, t.HashBad,
		s.Repeated.Sum)
	fmt.Fprintf(&b, "code       %s\n", strings.Join(t.Codes, ", "))
	b.WriteString(linkText(c.Link))
	fmt.Fprintf(&b, "certified  %s\n\n", c.Certified.UTC().Format(time.RFC3339))
	b.WriteString(shardTable(width, c))
	return b.String()
}

// shardTable shows what is archived of each shard and how its records are covered.
func shardTable(width int, c contract.Certificate) string {
	columns := []terminal.Column{
		{Title: "SHARD", Flex: true}, {Title: "BATCHES", Right: true}, {Title: "ARCHIVED", Right: true},
		{Title: "COVERS", Right: true}, {Title: "ROWS OUT", Right: true},
		{Title: "QUARANTINED", Short: "QUAR", Right: true}, {Title: "MARKED"},
	}
	type sums struct{ covers, out, bad int64 }
	of := map[string]sums{}
	for i, k := range c.Chunks {
		if i < len(c.Stream.Covers) {
			s := of[c.Stream.Covers[i].Shard]
			of[c.Stream.Covers[i].Shard] = sums{s.covers + 1, s.out + k.RowsOut, s.bad + k.Quarantined}
		}
	}
	var rows [][]string
	for _, shard := range c.Stream.Shards {
		archived, marked := int64(0), "by its children"
		through := shard.From.Through
		for _, b := range shard.Batches {
			archived, through = archived+b.Records, max(through, b.Through)
		}
		if through >= c.Stream.End.UnixMilli() {
			marked = "yes"
		}
		s := of[shard.Shard]
		rows = append(rows, []string{
			shard.Shard, terminal.Count(int64(len(shard.Batches))), terminal.Count(archived), terminal.Count(s.covers),
			terminal.Count(s.out), terminal.Count(s.bad), marked,
		})
	}
	return terminal.Table(width, columns, rows)
}
