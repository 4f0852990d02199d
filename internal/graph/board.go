package graph

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"time"

	"dip/internal/metricmath"
	"dip/internal/terminal"
)

//go:embed board.html
var boardText string

var boardPage = parsed("board", boardText)

// Board is a CloudWatch dashboard with its data, over Steps steps from From on.
type Board struct {
	Name, Stack string
	From        time.Time
	Step        time.Duration
	Steps       int
	Panels      []Panel
}

// Panel is a widget of a dashboard. Place and size are in columns, of which there are 24, and rows.
type Panel struct {
	Title               string
	Unit                string // of the vertical axis; "": the title's
	Text                string // of a panel that only has a heading
	X, Y, Width, Height int
	Series              []Plot
	Limit               *float64 // where an alarm fires; nil: none does
	Alarms              []AlarmState
}

// Plot is a series of a panel: a data point for each step.
type Plot struct {
	Name   string
	Points []metricmath.Point
}

// AlarmState is an alarm and its state, as CloudWatch calls it.
type AlarmState struct {
	Name, State, Description string
}

// firing is CloudWatch's name of the state of an alarm that fires.
const firing = "ALARM"

// boardPanel is a panel as the page shows it.
type boardPanel struct {
	Panel
	Head    bool // it parts the dashboard
	Chart   template.HTML
	Legend  []legend
	Summary string
	Firing  []AlarmState
}

// HTML writes the dashboard as one page that loads nothing.
func (b *Board) HTML(w io.Writer) error {
	view := struct {
		Name, Stack, From, To string
		Panels                []boardPanel
	}{
		Name: b.Name, Stack: b.Stack, From: b.From.UTC().Format(timeFormat),
		To: b.From.Add(time.Duration(b.Steps) * b.Step).UTC().Format(timeFormat),
	}
	for _, p := range b.Panels {
		shown := boardPanel{Panel: p, Head: len(p.Series) == 0}
		if len(p.Alarms) > 0 {
			shown.Summary, shown.Firing = summary(p.Alarms)
		} else if len(p.Series) > 0 {
			shown.Chart = b.draw(p)
			for i, s := range p.Series {
				shown.Legend = append(shown.Legend, legend{fmt.Sprintf("s%d", i%colours), s.Name})
			}
		}
		view.Panels = append(view.Panels, shown)
	}
	if err := boardPage.Execute(w, view); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// summary counts alarms by their state, and lists those that fire.
func summary(alarms []AlarmState) (text string, fires []AlarmState) {
	ok := 0
	for _, a := range alarms {
		switch a.State {
		case firing:
			fires = append(fires, a)
		case "OK":
			ok++
		}
	}
	text = fmt.Sprintf("%d alarms: %d OK", len(alarms), ok)
	if n := len(fires); n > 0 {
		text += fmt.Sprintf(", %d firing", n)
	}
	if n := len(alarms) - ok - len(fires); n > 0 {
		text += fmt.Sprintf(", %d without data", n)
	}
	return text, fires
}

// draw is a panel's chart; "" without a data point.
func (b *Board) draw(p Panel) template.HTML {
	low, high, there := 0.0, 0.0, false
	for _, s := range p.Series {
		for _, v := range s.Points {
			if v.There {
				low, high, there = min(low, v.Value), max(high, v.Value), true
			}
		}
	}
	if !there {
		return ""
	}
	if p.Limit != nil {
		low, high = min(low, *p.Limit), max(high, *p.Limit)
	}
	c := sizedChart(panelWidth, panelHeight, p.Title, ticksBetween(low, high), number)
	for i, s := range p.Series {
		values := make([]float64, len(s.Points))
		for k, v := range s.Points {
			if values[k] = v.Value; !v.There {
				values[k] = math.NaN()
			}
		}
		c.line(i, values)
	}
	if p.Limit != nil {
		c.limit(*p.Limit, "alarm: "+number(*p.Limit))
	}
	c.axis(b.From, b.Step, b.Steps)
	return drawn(c)
}

// ticksBetween are round values from at most low, which is not above zero, to at least high.
func ticksBetween(low, high float64) []float64 {
	ticks := nice(high - low)
	if low == 0 {
		return ticks
	}
	step := ticks[1]
	from := math.Floor(low/step) * step
	marks := []float64{from}
	for marks[len(marks)-1] < high {
		marks = append(marks, from+float64(len(marks))*step)
	}
	return marks
}

// number is a value of any unit, in at most a few characters.
func number(v float64) string {
	switch size := math.Abs(v); {
	case size >= 1e9:
		return fmt.Sprintf("%.3gG", v/1e9)
	case size >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case size >= 1e4:
		return fmt.Sprintf("%.3gk", v/1e3)
	case v == math.Trunc(v):
		return terminal.Count(int64(v))
	default:
		return fmt.Sprintf("%.3g", v)
	}
}
