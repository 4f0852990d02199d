package graph

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// Sizes of a chart on a page of its own and of one of many, and the room around its plot for axes, in the units of its
// view box.
const (
	chartWidth, chartHeight              = 960.0, 260.0
	panelWidth, panelHeight              = 380.0, 200.0
	leftRoom, rightRoom, topRoom, bottom = 64.0, 12.0, 12.0, 28.0
)

// colours is how many series have a colour of their own: the classes s0 to s7 of the page's style.
const colours = 8

// chart is a plot with its axes.
type chart struct {
	svg           strings.Builder
	width, height float64
	low, top      float64 // smallest and largest value of the vertical axis
}

// newChart begins a chart that says what it shows, with the marks of its vertical axis.
func newChart(title string, ticks []float64, describe func(float64) string) *chart {
	return sizedChart(chartWidth, chartHeight, title, ticks, describe)
}

// sizedChart begins one of another size.
func sizedChart(width, height float64, title string, ticks []float64, describe func(float64) string) *chart {
	c := &chart{width: width, height: height}
	c.low, c.top = ticks[0], ticks[len(ticks)-1]
	fmt.Fprintf(&c.svg, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(title))
	for _, tick := range ticks {
		y := c.y(tick)
		fmt.Fprintf(&c.svg, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, leftRoom, width-rightRoom, y, y)
		c.text(leftRoom-8, y+4, "end", describe(tick))
	}
	return c
}

func (c *chart) y(value float64) float64 {
	return c.height - bottom - (value-c.low)/(c.top-c.low)*(c.height-topRoom-bottom)
}

// x is where a share of the horizontal axis is, 0 to 1.
func (c *chart) x(share float64) float64 { return leftRoom + share*(c.width-leftRoom-rightRoom) }

func (c *chart) text(x, y float64, anchor, text string) {
	fmt.Fprintf(&c.svg, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, html.EscapeString(text))
}

// bar is a rectangle from a value to another, with what a pointer on it shows.
func (c *chart) bar(series int, from, to, low, high float64, title string) {
	x := c.x(from)
	fmt.Fprintf(&c.svg, `<rect class="s%d" x="%.1f" width="%.1f" y="%.1f" height="%.1f"><title>%s</title></rect>`,
		series%colours, x, max(1, c.x(to)-x-1), c.y(high), max(0.5, c.y(low)-c.y(high)), html.EscapeString(title))
}

func (c *chart) dot(series int, share, value float64, hollow bool, title string) {
	class := fmt.Sprintf("s%d", series%colours)
	if hollow {
		class += " hollow"
	}
	fmt.Fprintf(&c.svg, `<circle class="%s" cx="%.1f" cy="%.1f" r="4"><title>%s</title></circle>`, class, c.x(share),
		c.y(value), html.EscapeString(title))
}

// line joins values that are evenly spaced; what is not a number is a gap.
func (c *chart) line(series int, values []float64) {
	var path strings.Builder
	pen := "M"
	for i, v := range values {
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, c.x((float64(i)+0.5)/float64(len(values))), c.y(v))
		if pen == "M" { // a value between two gaps is seen, too
			path.WriteString("m-2.5 0h5m-2.5 0")
		}
		pen = "L"
	}
	fmt.Fprintf(&c.svg, `<path class="line s%d" d="%s"/>`, series%colours, path.String())
}

// times marks the horizontal axis of a history.
func (c *chart) times(h *History) { c.axis(h.From, h.Step, len(h.Segments[0].Bytes)) }

// axis marks n steps of time.
func (c *chart) axis(from time.Time, step time.Duration, n int) {
	format := "15:04"
	if time.Duration(n)*step > 36*time.Hour {
		format = "01-02 15:04"
	}
	const room = 150 // for a mark
	every := max(1, n/max(2, int(c.width/room)))
	for i := 0; i < n; i += every {
		x, anchor := c.x(float64(i)/float64(n)), "start"
		if x > c.width-90 { // the text would leave the chart
			anchor = "end"
		}
		c.text(x, c.height-8, anchor, from.Add(time.Duration(i)*step).UTC().Format(format))
	}
}

// limit is a line across the chart at a value.
func (c *chart) limit(value float64, title string) {
	fmt.Fprintf(&c.svg, `<line class="limit" x1="%g" x2="%g" y1="%.1f" y2="%.1f"><title>%s</title></line>`, leftRoom,
		c.width-rightRoom, c.y(value), c.y(value), html.EscapeString(title))
}

func (c *chart) end() string {
	c.svg.WriteString("</svg>")
	return c.svg.String()
}

// between parts two groups of bars.
func (c *chart) between(share float64) {
	x := c.x(share)
	fmt.Fprintf(&c.svg, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, x, x, topRoom, c.height-bottom)
}

// spans are the steps of a time axis, seconds.
var spans = []float64{
	0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600,
	24 * 3600,
}

// niceSeconds are round times from 0 to at least most, about five of them; beyond five days, whole days.
func niceSeconds(most float64) []float64 {
	step := spans[len(spans)-1] * math.Ceil(most/spans[len(spans)-1]/5)
	for _, s := range spans {
		if s*5 >= most {
			step = s
			break
		}
	}
	ticks := []float64{0, step}
	for ticks[len(ticks)-1] < most {
		ticks = append(ticks, float64(len(ticks))*step)
	}
	return ticks
}

// nice are round values from 0 to at least most, about five of them.
func nice(most float64) []float64 {
	if most <= 0 {
		most = 1
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(most/4)))
	step := magnitude
	for _, factor := range []float64{1, 2, 5, 10} {
		if step = factor * magnitude; step*5 >= most {
			break
		}
	}
	ticks := []float64{0}
	for i := 1; ticks[len(ticks)-1] < most; i++ {
		ticks = append(ticks, float64(i)*step)
	}
	return ticks
}
