package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"dip/contract"
)

// Sections of a dashboard that nobody is paged about. No segment can have their names.
const (
	nodesSection = "Nodes and pods"
	costSection  = "Cost"
)

// nodeGraphs show the size of each node group, and the pods that wait for nodes or lose them.
func (s *Stack) nodeGraphs() []Graph {
	var all []Graph
	for _, name := range slices.Sorted(maps.Keys(s.NodeGroups)) {
		g := Graph{
			Title: "Nodes of " + name, Page: nodesSection, Unit: "nodes", Period: minutes(1),
			Labels: []string{"in service", "desired", "maximum"},
		}
		for _, metric := range GroupMetrics {
			g.Series = append(g.Series, Series{"", groupMetrics, metric, Maximum, Target{OfNodeGroup, name}})
		}
		all = append(all, g)
	}
	cluster := func(id, metric string) Series {
		return Series{id, clusterMetrics, metric, Sum, Target{OfCluster, ""}}
	}
	// Their only statistic is the sum of a count a minute, whatever the period is.
	all = append(all, Graph{
		Title: "Pending pods", Page: nodesSection, Unit: "pods", Period: minutes(1),
		Series: []Series{cluster("pending", podsPending), cluster("unschedulable", podsUnschedulable)},
		Lines: []Line{
			{"pending", "pending * 60 / PERIOD(pending)"},
			{"of these, without a node", "unschedulable * 60 / PERIOD(unschedulable)"},
		},
	})
	back := Graph{
		Title: "Chunks handed back by workers that had to stop", Page: nodesSection, Unit: "chunks", Period: minutes(5),
	}
	for _, name := range s.FileNames() {
		back.Series = append(back.Series, own("", contract.ChunksHandedBack, Sum, name))
		back.Labels = append(back.Labels, name)
	}
	if len(back.Series) > 0 {
		all = append(all, back)
	}
	if s.drainsFromQueue() {
		all = append(all, Graph{
			Title: "Spot notices, of all of the account's instances", Page: nodesSection, Unit: "notices", Period: minutes(5),
			Series: []Series{{"", ruleMetrics, ruleInvocations, Sum, Target{OfSpotNotices, ""}}}, Labels: []string{"notices"},
		})
	}
	return all
}

// drainsFromQueue says whether there is a rule of spot notices: it fills the queue that a node group is drained from.
func (s *Stack) drainsFromQueue() bool {
	for _, g := range s.NodeGroups {
		if g.Interruptions == ByQueue {
			return true
		}
	}
	return false
}

// costText says what the graphs of costs are.
func (s *Stack) costText() string {
	p, idle := ListPrices(), 0.0
	for _, c := range s.IdleCosts(p) {
		idle += c.Amount
	}
	return fmt.Sprintf("Estimates by list prices of %s of %s. Without S3, SQS, Step Functions, Kinesis, logs and "+
		"traffic. At rest, the whole stack costs about $%.3f an hour, the minimum of its nodes included.",
		p.Region, p.Date, idle/HoursPerMonth)
}

// costGraphs show what functions, ledger and nodes cost an hour, while they run as they do.
func (s *Stack) costGraphs(p Prices) []Graph {
	all := []Graph{s.computeGraph(p)}
	nodes := Graph{Title: "Nodes, with their volumes", Page: costSection, Unit: costUnit, Period: minutes(5)}
	if s.Cluster.Enabled {
		for _, name := range slices.Sorted(maps.Keys(s.NodeGroups)) {
			g := s.NodeGroups[name]
			hour, err := p.NodeHour(g, g.Capacity)
			if err != nil { // prices.json does not have its type: no line is better than a wrong one
				continue
			}
			id := fmt.Sprintf("n%d", len(nodes.Series))
			nodes.Series = append(nodes.Series, Series{id, groupMetrics, groupRunning, Average, Target{OfNodeGroup, name}})
			nodes.Lines = append(nodes.Lines, Line{name, id + " * " + factor(hour)})
		}
	}
	if len(nodes.Series) > 0 {
		all = append(all, nodes)
	}
	return all
}

// costUnit is what costs are shown in.
const costUnit = "USD an hour"

// computeGraph is a line for the functions of each segment, for those that segments share, and for the ledger.
func (s *Stack) computeGraph(p Prices) Graph {
	g := Graph{Title: "Functions and ledger", Page: costSection, Unit: costUnit, Period: minutes(5)}
	// line adds series that are priced by the unit; those that are not there cost nothing.
	type priced struct {
		of  Series
		usd float64
	}
	line := func(label string, parts ...priced) {
		var sum []string
		first := fmt.Sprintf("c%d", len(g.Series))
		for _, part := range parts {
			part.of.ID, part.of.Statistic = fmt.Sprintf("c%d", len(g.Series)), Sum
			g.Series = append(g.Series, part.of)
			sum = append(sum, fmt.Sprintf("FILL(%s, 0) * %s", part.of.ID, factor(part.usd*3600)))
		}
		g.Lines = append(g.Lines, Line{label, fmt.Sprintf("(%s) / PERIOD(%s)", strings.Join(sum, " + "), first)})
	}
	function := func(name string, f Function) []priced {
		of := Target{OfFunction, name}
		second := float64(f.MemoryMB) / 1024 * p.LambdaGBSecond[s.Architecture]
		return []priced{
			{Series{Namespace: FunctionMetrics, Metric: functionDuration, Of: of}, second / 1000},
			{Series{Namespace: FunctionMetrics, Metric: functionInvocations, Of: of}, p.LambdaMillionRequests / 1e6},
		}
	}
	for _, name := range s.SegmentNames() {
		all := function(name, s.Segments[name].Function)
		if s.Segments[name].Arrival == ByStream {
			all = slices.Concat(all, function(contract.StreamFunction(name, contract.Witness), s.Functions.Witness),
				function(contract.StreamFunction(name, contract.Closer), s.Functions.Closer))
		}
		line(name, all...)
	}
	line("shared by segments", slices.Concat(function("intake", s.Functions.Intake),
		function("splitter", s.Functions.Splitter), function("reconciler", s.Functions.Reconciler),
		function("sweeper", s.Functions.Sweeper))...)
	var ledger []priced
	for _, index := range []string{"", contract.LedgerIndex, contract.LedgerOpenIndex} {
		of := Target{OfLedger, index}
		ledger = append(ledger,
			priced{Series{Namespace: ledgerMetrics, Metric: ledgerReads, Of: of}, p.DynamoMillionReads / 1e6},
			priced{Series{Namespace: ledgerMetrics, Metric: ledgerWrites, Of: of}, p.DynamoMillionWrites / 1e6})
	}
	line("ledger", ledger...)
	return g
}

// factor is a number as an expression has it, with six digits and without an exponent.
func factor(v float64) string {
	digits := max(0, 5-int(math.Floor(math.Log10(v))))
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', digits, 64), "0"), ".")
}
