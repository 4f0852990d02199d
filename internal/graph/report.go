package graph

import (
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"

	"dip/internal/terminal"
)

//go:embed report.html
var reportText string

var reportPage = parsed("report", reportText)

// Report is all that a page shows of a load.
type Report struct {
	Load, Segment, Stack string
	Input                string // name of the file, or the interval
	Verdict              string
	Good, Bad            bool   // neither: it goes on
	Reason               string // why it failed
	Interval             bool   // its strips are shards, and their pieces acknowledgements
	Facts                []Fact // of its certificate; none: there is no certificate
	Strips               []Strip
	Seconds              []float64 // that the pieces took
	Quarantined          int64
	Samples              []Rejected
}

// Fact is a line of a table.
type Fact struct{ Name, Value string }

// Strip is the input or, of an interval, a shard.
type Strip struct {
	Name   string
	Pieces []Piece
}

// Piece is a chunk or an acknowledgement.
type Piece struct {
	Title string
	State PieceState
	Bad   float64 // share of its records in quarantine
}

// PieceState is what became of a piece.
type PieceState int

// The states of pieces.
const (
	Pending PieceState = iota
	Done
	Again // done, and not at the first attempt
	Broken
)

// classes are the styles of the states.
var classes = [...]string{Pending: "w0", Done: "s0", Again: "s6", Broken: "s1"}

// Rejected is a record in quarantine.
type Rejected struct{ Place, Reason, Raw string }

// Rows of a strip: pieces go from left to right, and then down, so that 10,000 can still be told apart.
const (
	stripPieces          = 200 // in a row
	rowHeight, barHeight = 16.0, 12.0
	leastBad             = 2.0 // height of a quarantine that is hardly there
)

// ReportHTML writes a report as one page that loads nothing.
func ReportHTML(w io.Writer, r Report) error {
	type strip struct {
		Name  string
		Chart template.HTML
	}
	view := struct {
		Report
		Class, PiecesTitle, PiecesNote, SamplesNote string
		Legend                                      []legend
		Drawn                                       []strip
		Times                                       figure
	}{
		Report: r, Class: "open", PiecesTitle: "Chunks",
		PiecesNote: "The input from its beginning to its end, row by row, chunk by chunk.",
		Legend:     legendOf(r.Strips),
	}
	switch {
	case r.Good:
		view.Class = "good"
	case r.Bad:
		view.Class = "bad"
	}
	if r.Interval {
		view.PiecesTitle = "Shards"
		view.PiecesNote = "The sets of records that make up the interval, by shard. Each record is in one of them."
	}
	for _, s := range r.Strips {
		view.Drawn = append(view.Drawn, strip{s.Name, drawStrip(s)})
	}
	view.Times = chunksFigure(&History{Segments: []Segment{{Name: r.Segment, Chunks: r.Seconds}}})
	view.Times.Empty = "Nothing has ended."
	if r.Interval {
		view.Times.Title = "Time of acknowledgements"
	}
	switch {
	case len(r.Samples) > 0:
		view.SamplesNote = fmt.Sprintf("%s of %s records.", terminal.Count(int64(len(r.Samples))),
			terminal.Count(r.Quarantined))
	case r.Quarantined > 0:
		view.SamplesNote = terminal.Count(r.Quarantined) + " records, which cannot be shown yet."
	default:
		view.SamplesNote = "No record is in quarantine."
	}
	if err := reportPage.Execute(w, view); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// legendOf explains what is to be seen.
func legendOf(strips []Strip) (list []legend) {
	seen := map[PieceState]bool{}
	bad := false
	for _, s := range strips {
		for _, p := range s.Pieces {
			seen[p.State], bad = true, bad || p.Bad > 0
		}
	}
	for state, name := range []string{Pending: "not done", Done: "done", Again: "done, after another attempt",
		Broken: "failed"} {
		if seen[PieceState(state)] {
			list = append(list, legend{classes[state], name})
		}
	}
	if bad {
		list = append(list, legend{"s4", "share in quarantine"})
	}
	return list
}

// drawStrip draws pieces of equal width; "" without any.
func drawStrip(s Strip) template.HTML {
	n := len(s.Pieces)
	if n == 0 {
		return ""
	}
	across := min(n, stripPieces)
	rows := (n + across - 1) / across
	width, gap := chartWidth/float64(across), 1.0
	if width > 40 {
		gap = 2
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg class="strip" viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth,
		float64(rows)*rowHeight, html.EscapeString(fmt.Sprintf("%d pieces %s", n, s.Name)))
	for i, p := range s.Pieces {
		x, y := float64(i%across)*width, float64(i/across)*rowHeight
		fmt.Fprintf(&svg, `<g><title>%s</title><rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%g"/>`,
			html.EscapeString(p.Title), classes[p.State], x, y, width-gap, barHeight)
		if p.Bad > 0 {
			high := max(leastBad, min(1, p.Bad)*barHeight)
			fmt.Fprintf(&svg, `<rect class="s4" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, y+barHeight-high, width-gap,
				high)
		}
		svg.WriteString("</g>")
	}
	svg.WriteString("</svg>")
	return template.HTML(svg.String())
}
