package config

import (
	"fmt"
	"time"

	"dip/contract"
)

// Alarms is the table of a stack's alarms. Thresholds follow from its settings.
func (s *Stack) Alarms() []Alarm {
	var all []Alarm
	for _, name := range s.SegmentNames() {
		all = append(all, s.segmentAlarms(name)...)
	}
	all = append(all, queueAlarms(System, "intake", s.Queues.MaxAge)...)
	if s.Cluster.Enabled { // a restage keeps its message while its job works
		all = append(all, queueAlarms(System, "restage", s.Queues.MaxAge+s.Cluster.Restage.Deadline)...)
		all = append(all, s.clusterAlarms()...)
	}
	all = append(all, fires(System, "sweeper-dead-letters", oneOf1, Alarm{
		Series: []Series{{"", QueueMetrics, queueDepth, Maximum, Target{OfFunctionDeadLetters, "sweeper"}}}, Operator: Above,
		Reason: "The sweeper failed three times in a row", Runbook: "a-function-fails",
	}))
	for _, end := range []struct{ name, metric, reason string }{
		{"executions-failed", executionsFailed, "A load failed: its reason is in the ledger (dip loads --status failed)"},
		{"executions-timed-out", executionsTimedOut, "An execution timed out: the sweeper resumes its load"},
		{"executions-aborted", executionsAborted, "An execution was stopped: the sweeper resumes its load"},
	} {
		all = append(all, fires(System, end.name, oneOf1, Alarm{
			Series: []Series{{"", workflowMetrics, end.metric, Sum, Target{OfWorkflow, ""}}}, Operator: Above,
			Reason: end.reason, Runbook: "a-load-failed",
		}))
	}
	for _, name := range contract.SystemFunctions {
		all = append(all, functionErrorsAlarm(System, name))
	}
	if s.Maintenance.Enabled {
		all = append(all, fires(System, "updates-overdue", 3, Alarm{
			Series: []Series{own("", contract.OverdueUpdates, Maximum, contract.NoSegment)}, Operator: Above,
			Period: s.MaintainEvery(), Missing: Breaching,
			Reason:  "A maintenance window has passed without its updates, or nobody maintains the nodes",
			Runbook: "nodes-are-not-maintained",
		}))
	}
	return append(all, fires(System, "sweeps-missing", 3, Alarm{
		Series: []Series{own("", contract.Sweeps, Sum, contract.NoSegment)}, Operator: Below, Threshold: 1,
		Period: wholeMinutes(s.Sweep.Rate), At: 3, Missing: Breaching,
		Reason: "Nobody looks for lost events and dead executions", Runbook: "the-sweeper-does-not-run",
	}))
}

// oneOf1 is how many data points have to breach of an alarm on what happens once: the first.
const oneOf1 = 1

// fires completes an alarm with its place in the table, and with what most have in common: periods of a minute, of all
// which of so many have to breach, and a quiet minute is a good one.
func fires(page, name string, of int, a Alarm) Alarm {
	a.Page, a.Name, a.Of = page, name, of
	a.At, a.Period = orElse(a.At, of), orElse(a.Period, minutes(1))
	a.Missing = orElse(a.Missing, NotBreaching)
	return a
}

// queueAlarms are of a queue and its dead letters.
func queueAlarms(page, name string, age Duration) []Alarm {
	return []Alarm{
		fires(page, name+"-dead-letters", oneOf1, Alarm{
			Series: []Series{{"", QueueMetrics, queueDepth, Maximum, Target{OfDeadLetters, name}}}, Operator: Above,
			Reason:  "Messages failed for good: inspect them, fix the cause, redrive them",
			Runbook: "the-dead-letter-alarm-fires",
		}),
		fires(page, name+"-age", oneOf1, Alarm{
			Series:   []Series{{"", QueueMetrics, QueueAge, Maximum, Target{OfQueue, name}}},
			Operator: Above, Threshold: float64(age.Seconds()),
			Reason: "Messages are not taken: the consumer fails or is too slow", Runbook: "a-load-does-not-end",
		}),
	}
}

// functionErrorsAlarm is of a function that crashes, runs out of memory or into its timeout, again and again: once is
// repaired by a retry.
func functionErrorsAlarm(page, name string) Alarm {
	return fires(page, name+"-errors", 5, Alarm{
		Series: []Series{{"", FunctionMetrics, functionErrors, Sum, Target{OfFunction, name}}}, Operator: Above, At: 3,
		Reason: "The function " + name + " fails again and again", Runbook: "a-function-fails",
	})
}

func (s *Stack) segmentAlarms(name string) []Alarm {
	g := s.Segments[name]
	if g.Arrival == ByStream {
		return s.streamAlarms(name)
	}
	all := queueAlarms(name, name, s.lateAfter(g))
	all[0] = rollsBack(all[0])
	if s.Cluster.Enabled {
		all = append(all, queueAlarms(name, name+"-workers", s.lateAfter(g))...)
		all = append(all, interruptedAlarm(name))
	}
	all = append(all, rollsBack(functionErrorsAlarm(name, name)),
		throttlesAlarm(name, name, "Chunks wait for functions: the account's concurrency is used up", "a-load-does-not-end"),
		rollsBack(errorsAlarm(name, "chunk-errors", "Most attempts at chunks fail: loads fail next", "a-load-does-not-end")),
		rollsBack(badShareAlarm(name, g.MaxBadShare/2, "Half of the bad records that fail a load, or more")),
		fires(name, name+"-lost-events", oneOf1, Alarm{
			Series: []Series{own("", contract.LostEvents, Sum, name)}, Operator: Above, Period: wholeMinutes(s.Sweep.Rate),
			Reason: "Objects landed and no event announced them: the sweeper has enqueued them", Runbook: "events-are-lost",
		}),
		fires(name, name+"-stalled", oneOf1, Alarm{
			Series:   []Series{own("", contract.OldestLoad, Maximum, name)},
			Operator: Above, Threshold: float64(stalledAfter(g).Seconds()), Period: wholeMinutes(s.Sweep.Rate),
			Reason: "A load has not ended for long", Runbook: "a-load-does-not-end",
		}),
	)
	if g.Deadline == 0 {
		return all
	}
	return append(all,
		fires(name, name+"-deadline-at-risk", 3, Alarm{
			Series:   []Series{own("", contract.DeadlineSlack, Minimum, name)},
			Operator: Below, Period: lookEvery(g.Deadline), At: 2,
			Reason:  fmt.Sprintf("At its present rate, a load will not be published within %s", g.Deadline),
			Runbook: "a-deadline-is-at-risk",
		}),
		fires(name, name+"-deadline-missed", oneOf1, Alarm{
			Series:   []Series{own("", contract.LateLoads, Maximum, name)},
			Operator: Above, Period: lookEvery(g.Deadline),
			Reason:  fmt.Sprintf("A load was not published within %s", g.Deadline),
			Runbook: "a-deadline-is-at-risk",
		}),
	)
}

// rollsBack marks an alarm that a new version of the segment's function may set off.
func rollsBack(a Alarm) Alarm {
	a.Rollback = true
	return a
}

// throttlesAlarm is of a function of a segment that Lambda does not start when there is work.
func throttlesAlarm(page, function, reason, runbook string) Alarm {
	return fires(page, function+"-throttles", 5, Alarm{
		Series:   []Series{{"", FunctionMetrics, FunctionThrottles, Sum, Target{OfFunction, function}}},
		Operator: Above, Reason: reason, Runbook: runbook,
	})
}

// errorsAlarm is of a segment whose work fails more often than not.
func errorsAlarm(segment, name, reason, runbook string) Alarm {
	return fires(segment, segment+"-"+name, oneOf1, Alarm{
		Series: []Series{
			own("errors", contract.ChunkErrors, Sum, segment), own("done", contract.ChunksAcknowledged, Sum, segment),
		},
		Math: "errors / (errors + FILL(done, 0))", Operator: Above, Threshold: mostErrors, Period: minutes(5),
		Reason: reason, Runbook: runbook,
	})
}

// badShareAlarm is of a segment with a larger share of bad records than a limit.
func badShareAlarm(segment string, limit float64, reason string) Alarm {
	return fires(segment, segment+"-bad-share", oneOf1, Alarm{
		Series: []Series{
			own("bad", contract.RecordsQuarantined, Sum, segment), own("records", contract.RecordsIn, Sum, segment),
		},
		Math: "bad / records", Operator: Above, Threshold: limit, Period: minutes(5),
		Reason: reason, Runbook: "too-many-records-are-bad",
	})
}

// mostErrors is the share of failed attempts at chunks above which a segment is in trouble: with the five attempts of
// loads.maxAttempts, one load in 32 fails at half.
const mostErrors = 0.5

// lateAfter is how old a segment's oldest chunk may be: half of the deadline is left to process it.
func (s *Stack) lateAfter(g Segment) Duration {
	if g.Deadline == 0 {
		return s.Queues.MaxAge
	}
	return min(s.Queues.MaxAge, g.Deadline/2)
}

// stalledAfter is when an unfinished load needs somebody, even if nothing else is wrong with it: late by as much as its
// deadline, or a day old.
func stalledAfter(g Segment) Duration {
	if g.Deadline == 0 {
		return hours(24)
	}
	return 2 * g.Deadline
}

// lookEvery is a period in which the reconciler looks at a load that is near its deadline: every minute, or every 200th
// part of its age once that is longer.
func lookEvery(deadline Duration) Duration { return wholeMinutes(max(minutes(1), deadline/200)) }

// wholeMinutes rounds up.
func wholeMinutes(d Duration) Duration {
	const minute = Duration(time.Minute)
	return (d + minute - 1) / minute * minute
}
