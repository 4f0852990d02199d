package config

import "dip/contract"

// Graph is one graph of a stack's dashboard.
type Graph struct {
	Title  string
	Page   string // a title of Sections
	Series []Series
	Labels []string // of Series, in their order; none: the names of their metrics
	Lines  []Line   // what is shown; none: the series themselves
	Limit  *float64 // where an alarm fires; nil: none does
	Unit   string   // of the vertical axis, which then begins at zero; "": neither
	Period Duration
}

// Line is an expression over the IDs of a graph's series, as of an Alarm, or with PERIOD.
type Line struct{ Label, Math string }

// Section is a part of a dashboard: a page with its alarms, or something that nobody is paged about.
type Section struct {
	Title string // a page, or one that no page can have
	Text  string // below the title; "": none
}

// Sections lists those of the stack's dashboard, in order.
func (s *Stack) Sections() (all []Section) {
	for _, page := range s.Pages() {
		all = append(all, Section{Title: page})
	}
	if s.Cluster.Enabled {
		all = append(all, Section{Title: nodesSection})
	}
	if s.Environment != Local {
		all = append(all, Section{Title: costSection, Text: s.costText()})
	}
	return all
}

// Graphs are the graphs of a stack's dashboard: of each segment what it does, for each alarm of the table what it
// watches, with its threshold, the nodes, and what they and the functions cost. A stack without a dashboard has none.
func (s *Stack) Graphs() []Graph {
	if !s.Dashboard {
		return nil
	}
	var all []Graph
	for _, name := range s.SegmentNames() {
		one := func(title string, statistic Statistic, metrics ...contract.Metric) {
			g := Graph{Title: title, Page: name, Period: minutes(5)}
			for _, m := range metrics {
				g.Series = append(g.Series, own("", m, statistic, name))
			}
			all = append(all, g)
		}
		one("Input, bytes", Sum, contract.BytesIn)
		one("Records", Sum, contract.RecordsIn, contract.RecordsOut, contract.RecordsQuarantined)
		one("Loads", Sum, contract.LoadsPublished, contract.LoadsFailed)
		one("Longest load, seconds", Maximum, contract.LoadSeconds)
		if s.Segments[name].Arrival == ByStream {
			one("Age of the newest visible records, seconds", Maximum, contract.Watermark)
			continue
		}
		one("Longest chunk, seconds", Maximum, contract.ChunkSeconds)
		one("Slowest chunk, MB/s", Minimum, contract.ChunkRate)
	}
	for _, a := range s.Alarms() {
		g := Graph{Title: a.Name, Page: a.Page, Series: a.Series, Limit: &a.Threshold, Period: a.Period}
		if a.Math != "" {
			g.Lines = []Line{{a.Name, a.Math}}
		}
		all = append(all, g)
	}
	if s.Cluster.Enabled {
		all = append(all, s.nodeGraphs()...)
	}
	if s.Environment != Local {
		all = append(all, s.costGraphs(ListPrices())...)
	}
	return all
}

// What a dashboard holds ("Dashboard Body Structure and Syntax" and "CloudWatch service quotas"). Metrics of
// expressions count.
const (
	maxWidgets          = 500
	maxWidgetMetrics    = 500
	maxDashboardMetrics = 2500
)

// validateDashboard reports a dashboard that CloudWatch would refuse, or draw in part.
func (s *Stack) validateDashboard(found *problems) {
	if !s.Dashboard {
		return
	}
	graphs, metrics, most := s.Graphs(), 0, 0
	for _, g := range graphs {
		metrics, most = metrics+len(g.Series), max(most, len(g.Series))
	}
	widgets := len(graphs) + len(s.Sections())
	if widgets > maxWidgets || metrics > maxDashboardMetrics || most > maxWidgetMetrics {
		found.add("dashboard", "%d widgets and %d metrics, up to %d in a graph, of %d segments: CloudWatch has dashboards "+
			"of %d and %d, up to %d: want false", widgets, metrics, most, len(s.Segments), maxWidgets, maxDashboardMetrics,
			maxWidgetMetrics)
	}
}
