package graph

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"dip/internal/terminal"
)

//go:embed page.html
var pageText string

//go:embed style.html
var styleText string

var page = parsed("page", pageText)

// parsed is a page with the style that all share.
func parsed(name, text string) *template.Template {
	return template.Must(template.Must(template.New(name).Parse(styleText)).New(name).Parse(text))
}

// figure is a chart of the page; Chart is "" when there is nothing to draw.
type figure struct {
	Title, Note, Empty string
	Chart              template.HTML
}

type legend struct {
	Class, Name string
}

// HTML writes the history as one page that loads nothing.
func HTML(w io.Writer, h *History) error {
	view := struct {
		Stack, From, To string
		Legend          []legend
		Figures         []figure
	}{
		Stack: h.Stack, From: h.From.UTC().Format(timeFormat), To: h.To.UTC().Format(timeFormat),
		Figures: []figure{inputFigure(h), loadsFigure(h), chunksFigure(h), ageFigure(h)},
	}
	for i, s := range h.Segments {
		view.Legend = append(view.Legend, legend{fmt.Sprintf("s%d", i%colours), s.Name})
	}
	if err := page.Execute(w, view); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// drawn is a chart as part of the page: its texts are escaped as they are drawn.
func drawn(c *chart) template.HTML { return template.HTML(c.end()) }

func bytes(v float64) string { return terminal.Bytes(int64(v)) }

func duration(v float64) string {
	if v == 0 {
		return "0"
	}
	return terminal.Duration(seconds(v))
}

// inputFigure stacks the segments' input over the time.
func inputFigure(h *History) figure {
	f := figure{
		Title: "Input", Empty: "Nothing was received.",
		Note: "Content of the loads received, " + short(h.Step) + " a bar, segments stacked.",
	}
	if len(h.Segments) == 0 {
		return f
	}
	n := len(h.Segments[0].Bytes)
	sums := make([]float64, n)
	for _, s := range h.Segments {
		for i, v := range s.Bytes {
			sums[i] += v
		}
	}
	most := slices.Max(sums)
	if most == 0 {
		return f
	}
	c := newChart(f.Title, nice(most), bytes)
	below := make([]float64, n)
	for series, s := range h.Segments {
		for i, v := range s.Bytes {
			if v == 0 {
				continue
			}
			at := h.From.Add(time.Duration(i) * h.Step).UTC().Format(timeFormat)
			c.bar(series, float64(i)/float64(n), float64(i+1)/float64(n), below[i], below[i]+v,
				fmt.Sprintf("%s, %s: %s", s.Name, at, bytes(v)))
			below[i] += v
		}
	}
	c.times(h)
	f.Chart = drawn(c)
	return f
}

// loadsFigure is a dot for each load: when it was received, and how long it took.
func loadsFigure(h *History) figure {
	f := figure{
		Title: "Time of loads", Empty: "No load has ended.",
		Note: "From receipt to publication, by the time of receipt. Hollow: failed.",
	}
	most := 0.0
	for _, s := range h.Segments {
		for _, l := range s.Loads {
			most = max(most, l.Seconds)
		}
	}
	if most == 0 {
		return f
	}
	c := newChart(f.Title, niceSeconds(most), duration)
	whole := float64(len(h.Segments[0].Bytes)) * float64(h.Step)
	for series, s := range h.Segments {
		for _, l := range s.Loads {
			end := ""
			if l.Failed {
				end = ", failed"
			}
			c.dot(series, float64(l.Received.Sub(h.From))/whole, l.Seconds, l.Failed, fmt.Sprintf("%s, %s: %s%s", s.Name,
				l.Received.UTC().Format(timeFormat), duration(l.Seconds), end))
		}
	}
	c.times(h)
	f.Chart = drawn(c)
	return f
}

// chunksFigure is the distribution of the chunks' times.
func chunksFigure(h *History) figure {
	f := figure{
		Title: "Time of chunks", Empty: "No chunks.",
		Note: "How many chunks took how long. Chunks of the newest loads.",
	}
	limits, counts := bins(h.Segments)
	if limits == nil {
		return f
	}
	most := 0
	for _, of := range counts {
		most = max(most, slices.Max(of))
	}
	c := newChart(f.Title, nice(float64(most)), func(v float64) string {
		if v != float64(int64(v)) {
			return ""
		}
		return terminal.Count(int64(v))
	})
	width, each := 1/float64(len(limits)), 0.9/float64(len(limits)*len(h.Segments))
	for j, limit := range limits {
		for i, s := range h.Segments {
			if n := counts[i][j]; n > 0 {
				from := float64(j)*width + float64(i)*each
				c.bar(i, from, from+each, 0, float64(n),
					fmt.Sprintf("%s, up to %s: %s", s.Name, span(limit), terminal.Count(int64(n))))
			}
		}
		c.text(c.x((float64(j)+0.45)*width), chartHeight-8, "middle", "≤ "+span(limit))
		if j > 0 {
			c.between(float64(j)*width - width/20)
		}
	}
	f.Chart = drawn(c)
	return f
}

// ageFigure is how long the oldest message of each queue had waited.
func ageFigure(h *History) figure {
	f := figure{
		Title: "Age of queues", Empty: "CloudWatch has no data.",
		Note: "How long the oldest message of a segment's queue had waited, at most, " + short(h.Step) + " a point.",
	}
	most, there := 0.0, false
	for _, s := range h.Segments {
		most, there = max(most, largest(h.ages(s))), there || len(s.Age) > 0
	}
	if !there {
		return f
	}
	c := newChart(f.Title, niceSeconds(most), duration)
	for i, s := range h.Segments {
		c.line(i, h.ages(s))
	}
	c.times(h)
	f.Chart = drawn(c)
	return f
}
