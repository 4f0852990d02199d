package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/terminal"
)

// shortID is the length of the prefix of a load's id that is shown where the whole id is not needed: long enough to
// be unique.
const shortID = 12

func short(id string) string { return id[:min(shortID, len(id))] }

// printableLines keeps line breaks and escapes everything else that could move a terminal's cursor.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = terminal.Printable(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// summaryTable shows the outcomes of finished loads.
func summaryTable(width int, loads []client.Progress) string {
	columns := []terminal.Column{
		{Title: "SEGMENT"}, {Title: "FILE", Flex: true},
		{Title: "ROWS IN", Right: true}, {Title: "ROWS OUT", Right: true}, {Title: "QUARANTINED", Short: "QUAR", Right: true},
		{Title: "BYTES", Right: true}, {Title: "CHUNKS", Short: "CH", Right: true},
		{Title: "DURATION", Short: "TIME", Right: true},
		{Title: "MB/s", Right: true}, {Title: "VERDICT"},
	}
	var rows [][]string
	for _, p := range loads {
		rows = append(rows, []string{
			p.Segment, p.File(), terminal.Count(p.RowsIn), terminal.Count(p.RowsOut), terminal.Count(p.Quarantined),
			terminal.Bytes(p.Bytes), terminal.Count(int64(p.Chunks)), terminal.Duration(seconds(p.ElapsedSeconds)),
			terminal.Rate(p.BytesPerSecond), p.Verdict(),
		})
	}
	return terminal.Table(width, columns, rows)
}

// summaryLine shows the outcome of one load.
func summaryLine(p client.Progress) string {
	if p.Status == contract.Failed {
		return fmt.Sprintf("%s  FAILED\n  %s\n", short(p.Load), strings.ReplaceAll(printableLines(p.Reason), "\n", "\n  "))
	}
	return fmt.Sprintf("%s  %s\n  rows in %s, out %s, quarantined %s\n  %s in %s, %s, %s MB/s\n",
		short(p.Load), p.Verdict(), terminal.Count(p.RowsIn), terminal.Count(p.RowsOut), terminal.Count(p.Quarantined),
		terminal.Bytes(p.Bytes), plural(p.Chunks, "chunk"), terminal.Duration(seconds(p.ElapsedSeconds)),
		terminal.Rate(p.BytesPerSecond))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return terminal.Count(int64(n)) + " " + noun + "s"
}

// barWidth leaves room for the figures on an 80-column line.
const barWidth = 24

// progressLines shows a load in progress.
func progressLines(p client.Progress) []string {
	if p.Status == "" || p.Status == contract.Received {
		return []string{fmt.Sprintf("%s  %s", short(p.Load), waitingFor(p))}
	}
	figures := fmt.Sprintf("%3.0f%%  %s MB/s", 100*p.Share(), terminal.Rate(p.BytesPerSecond))
	if p.ETASeconds != nil {
		figures += "  " + terminal.Duration(seconds(*p.ETASeconds)) + " left"
	}
	states := fmt.Sprintf("%d of %s done, %d running, %d waiting", p.Done, plural(p.Chunks, "chunk"), p.Running, p.Waiting)
	if p.Retried > 0 {
		states += fmt.Sprintf(", %d retried", p.Retried)
	}
	if p.Broken > 0 {
		states += fmt.Sprintf(", %d failed", p.Broken)
	}
	return []string{
		fmt.Sprintf("%s  %s %s  %s", short(p.Load), terminal.Bar(p.Share(), barWidth), figures, p.Verdict()),
		fmt.Sprintf("%*s  %s", shortID, "", states),
	}
}

func waitingFor(p client.Progress) string {
	if p.Status == "" {
		return "landed, waiting for its event"
	}
	return "received, planning"
}

// statusText shows a load in full.
func statusText(width int, p client.Progress) string {
	var b strings.Builder
	what, name := "file    ", terminal.Printable(p.Key)
	if p.Interval != nil {
		what, name = "interval", p.File()
	}
	fmt.Fprintf(&b, "load      %s\n%s  %s\nsegment   %s\nstatus    %s\nreceived  %s\n",
		p.Load, what, name, p.Segment, p.Verdict(), p.Received.UTC().Format(time.RFC3339))
	if p.Reason != "" {
		fmt.Fprintf(&b, "reason    %s\n", strings.ReplaceAll(printableLines(p.Reason), "\n", "\n          "))
	}
	if p.Chunks > 0 {
		fmt.Fprintf(&b, "rows      in %s, out %s, quarantined %s\n",
			terminal.Count(p.RowsIn), terminal.Count(p.RowsOut), terminal.Count(p.Quarantined))
		of := ""
		if p.Total > 0 {
			of = " of " + terminal.Bytes(p.Total)
		}
		fmt.Fprintf(&b, "bytes     %s%s in %s, %s MB/s\n", terminal.Bytes(p.Bytes), of,
			terminal.Duration(seconds(p.ElapsedSeconds)), terminal.Rate(p.BytesPerSecond))
	}
	if p.ETASeconds != nil {
		fmt.Fprintf(&b, "left      %s\n", terminal.Duration(seconds(*p.ETASeconds)))
	}
	if slack, ok := p.Slack(); ok {
		fmt.Fprintf(&b, "deadline  %s: %s\n", p.Deadline.UTC().Format(time.RFC3339), slackText(p, slack))
	}
	if len(p.States) > 0 {
		b.WriteString("\n" + chunkTable(width, p.States))
	}
	return b.String()
}

func slackText(p client.Progress, slack time.Duration) string {
	switch over := p.Status.Final(); {
	case over && slack < 0:
		return "missed by " + terminal.Duration(-slack)
	case over:
		return "met, with " + terminal.Duration(slack) + " left"
	case slack < 0:
		return "at this rate missed by " + terminal.Duration(-slack)
	default:
		return "at this rate met, with " + terminal.Duration(slack) + " left"
	}
}

func chunkTable(width int, states []client.ChunkState) string {
	columns := []terminal.Column{
		{Title: "CHUNK", Right: true}, {Title: "STATE"}, {Title: "ATTEMPT", Right: true}, {Title: "START", Right: true},
		{Title: "END", Right: true}, {Title: "ROWS", Right: true}, {Title: "TIME", Right: true},
		{Title: "LAST ERROR", Flex: true},
	}
	var rows [][]string
	for _, s := range states {
		end, took := terminal.Count(s.End), ""
		if s.End < 0 {
			end = "end"
		}
		if s.State == client.Done {
			took = terminal.Duration(seconds(s.Seconds))
		}
		rows = append(rows, []string{
			fmt.Sprint(s.Chunk), string(s.State), fmt.Sprint(s.Attempt), terminal.Count(s.Start), end, terminal.Count(s.Rows),
			took, s.LastError,
		})
	}
	return terminal.Table(width, columns, rows)
}

// loadRow is a line of a list of loads: a load, or intervals of a segment that have no record.
type loadRow struct {
	client.Progress     // the newest one
	first           int // of the list, that the row stands for
	empty           int // intervals
}

// loadRows puts empty intervals of a segment that follow each other into one row. loads are the newest first.
func loadRows(loads []client.Progress) []loadRow {
	var rows []loadRow
	last := map[string]int{} // row of each segment's last load, if it is of empty intervals
	for i, p := range loads {
		at, joined := last[p.Segment]
		delete(last, p.Segment)
		switch {
		case p.Empty() && joined && p.Interval.End.Equal(rows[at].Interval.Start):
			span := *rows[at].Interval
			span.Start = p.Interval.Start
			rows[at].Interval, rows[at].Received, rows[at].empty = &span, p.Received, rows[at].empty+1
			last[p.Segment] = at
			continue
		case p.Empty():
			last[p.Segment] = len(rows)
			rows = append(rows, loadRow{p, i, 1})
			continue
		}
		rows = append(rows, loadRow{p, i, 0})
	}
	return rows
}

// loadsTable lists loads, newest first; with what they have left of their time where there are deadlines.
func loadsTable(width int, loads []loadRow) string {
	columns := []terminal.Column{
		{Title: "LOAD"}, {Title: "RECEIVED"}, {Title: "SEGMENT"}, {Title: "FILE", Flex: true}, {Title: "STATUS"},
		{Title: "ROWS OUT", Right: true}, {Title: "QUARANTINED", Short: "QUAR", Right: true},
	}
	deadlines := slices.ContainsFunc(loads, func(p loadRow) bool { return !p.Deadline.IsZero() })
	if deadlines {
		columns = append(columns, terminal.Column{Title: "SLACK", Right: true})
	}
	var rows [][]string
	for _, p := range loads {
		name := short(p.Load)
		if p.empty > 1 {
			name = terminal.Count(int64(p.empty)) + " empty"
		}
		row := []string{
			name, p.Received.UTC().Format("01-02 15:04:05"), p.Segment, p.File(), p.Verdict(),
			terminal.Count(p.RowsOut), terminal.Count(p.Quarantined),
		}
		if deadlines {
			cell := ""
			if slack, ok := p.Slack(); ok {
				cell = terminal.Duration(slack)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return terminal.Table(width, columns, rows)
}
