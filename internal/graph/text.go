package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"dip/internal/terminal"
)

const timeFormat = "2006-01-02 15:04"

// Text is the history for a terminal of some width.
func Text(h *History, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Stack %s, %s to %s UTC, %s a column\n", h.Stack, h.From.UTC().Format(timeFormat),
		h.To.UTC().Format(timeFormat), short(h.Step))
	b.WriteString("\nInput of the loads received\n")
	over(&b, h, func(s Segment) []float64 { return s.Bytes }, func(values []float64) string {
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		return fmt.Sprintf("%s, at most %s a column", terminal.Bytes(int64(sum)), terminal.Bytes(int64(largest(values))))
	})
	b.WriteString("\nTime of loads, from receipt to publication\n")
	b.WriteString(loadsTable(h, width))
	b.WriteString("\nTime of chunks\n")
	b.WriteString(chunksTable(h, width))
	b.WriteString("\nAge of the oldest message in the queue\n")
	over(&b, h, h.ages, func(values []float64) string {
		if !slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) }) {
			return "no data"
		}
		return "at most " + terminal.Duration(seconds(largest(values)))
	})
	return b.String()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// short is "30m" for "30m0s".
func short(d time.Duration) string {
	return strings.Replace(strings.Replace(d.String(), "m0s", "m", 1), "h0m", "h", 1)
}

func largest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		most = max(most, orZero(v))
	}
	return most
}

// over writes a line for each segment: its values over the time, and what note says of them.
func over(b *strings.Builder, h *History, of func(Segment) []float64, note func([]float64) string) {
	most, name := 0.0, 0
	for _, s := range h.Segments {
		most, name = max(most, largest(of(s))), max(name, len(s.Name))
	}
	for _, s := range h.Segments {
		values := of(s)
		fmt.Fprintf(b, "  %-*s  %s  %s\n", name, s.Name, Line(values, most), note(values))
	}
}

var blocks = []rune(" ▁▂▃▄▅▆▇█")

// Line draws values from 0 to most, a column each. What is not zero is seen, however small it is; what is not a number
// is a gap.
func Line(values []float64, most float64) string {
	line := make([]rune, len(values))
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			line[i] = '·'
		case v <= 0 || most <= 0:
			line[i] = blocks[0]
		default:
			line[i] = blocks[max(1, int(math.Round(v/most*float64(len(blocks)-1))))]
		}
	}
	return string(line)
}

func loadsTable(h *History, width int) string {
	columns := []terminal.Column{
		{Title: "  SEGMENT"}, {Title: "LOADS", Right: true}, {Title: "FAILED", Right: true}, {Title: "MEDIAN", Right: true},
		{Title: "95 %", Right: true}, {Title: "LONGEST", Right: true},
	}
	var rows [][]string
	for _, s := range h.Segments {
		var took []float64
		failed := 0
		for _, l := range s.Loads {
			if l.Failed {
				failed++
			} else {
				took = append(took, l.Seconds)
			}
		}
		row := []string{"  " + s.Name, fmt.Sprint(len(s.Loads)), fmt.Sprint(failed), "-", "-", "-"}
		for i, q := range []float64{0.5, 0.95, 1} {
			if len(took) > 0 {
				row[3+i] = terminal.Duration(seconds(quantile(took, q)))
			}
		}
		rows = append(rows, row)
	}
	return terminal.Table(width, columns, rows)
}

// chunksTable is a row for each bin of durations, and a column for each segment.
func chunksTable(h *History, width int) string {
	limits, counts := bins(h.Segments)
	if limits == nil {
		return "  no chunks\n"
	}
	columns := []terminal.Column{{Title: "  UP TO", Right: true}}
	most := 0
	for i, s := range h.Segments {
		columns = append(columns, terminal.Column{Title: strings.ToUpper(s.Name)})
		most = max(most, slices.Max(counts[i]))
	}
	const bar = 20
	var rows [][]string
	for j, limit := range limits {
		row := []string{"  " + span(limit)}
		for i := range h.Segments {
			n := counts[i][j]
			cell := ""
			if n > 0 {
				cell = fmt.Sprintf("%s %d", strings.Repeat("█", max(1, n*bar/most)), n)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return terminal.Table(width, columns, rows)
}

// span writes the limit of a bin, in seconds.
func span(limit float64) string {
	if limit < 1 {
		return fmt.Sprintf("%.0fms", limit*1000)
	}
	return fmt.Sprintf("%.0fs", limit)
}
