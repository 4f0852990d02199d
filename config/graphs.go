package config

import "dip/contract"

// Graph is one graph of a stack's dashboard.
type Graph struct {
	Title  string
	Page   string // whose it is: a segment, or System
	Series []Series
	Math   string   // as of an Alarm; "": the series themselves
	Limit  *float64 // where an alarm fires; nil: none does
	Period Duration
}

// Graphs are the graphs of a stack's dashboard: of each segment what it does, and for each alarm of the table what it
// watches, with its threshold. A stack without a dashboard has none.
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
		all = append(all, Graph{
			Title: a.Name, Page: a.Page, Series: a.Series, Math: a.Math, Limit: &a.Threshold, Period: a.Period,
		})
	}
	return all
}
