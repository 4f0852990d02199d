package config

import (
	"fmt"

	"dip/contract"
)

// streamAlarms are those of a segment whose records arrive by stream: of each step on the way of a record, from the
// first that can lose it to the last that makes it visible.
func (s *Stack) streamAlarms(name string) []Alarm {
	g := s.Segments[name]
	witness := contract.StreamFunction(name, contract.Witness)
	closer := contract.StreamFunction(name, contract.Closer)
	const late, lost, open = "records-are-late", "records-may-be-lost", "an-interval-does-not-close"
	all := []Alarm{
		functionErrorsAlarm(name, name), functionErrorsAlarm(name, witness), functionErrorsAlarm(name, closer),
		throttlesAlarm(name, name, "Batches wait for functions: the account's concurrency is used up", late),
		throttlesAlarm(name, witness, "The witness waits for the account's concurrency: nothing can be certified", late),
		iteratorAgeAlarm(name, name, "behind", g.Stream.freshness(), 5, late,
			"Records wait longer than an interval and its grace to be processed: they are processed once more when it closes"),
		iteratorAgeAlarm(name, witness, "behind", g.Stream.freshness(), 5, late,
			"The archive is an interval and its grace behind: no interval closes"),
		iteratorAgeAlarm(name, witness, "losing", g.Stream.Retention/2, oneOf1, lost,
			"Half of the stream's retention is over for records that are not archived: they are lost when it ends"),
		errorsAlarm(name, "failed-records", "Most batches fail: their records run again from the archive", late),
		fires(name, name+"-rerun", 3, Alarm{
			Series: []Series{own("", contract.RecordsRerun, Sum, name)}, Operator: Above, Period: minutes(5),
			Reason:  "Batches fail for good and are set aside: for a quarter of an hour, records were processed from the archive",
			Runbook: late,
		}),
		badShareAlarm(name, g.MaxBadShare/2, fmt.Sprintf("More than %.3g %% of the records are in quarantine",
			50*g.MaxBadShare)),
		fires(name, name+"-overdue", oneOf1, Alarm{
			Series: []Series{own("", contract.OverdueIntervals, Maximum, name)}, Operator: Above,
			Reason:  fmt.Sprintf("An interval was not certified within %s of its end: its records may be lost", g.Stream.Due),
			Runbook: open,
		}),
		fires(name, name+"-closings-missing", 3, Alarm{
			Series: []Series{own("", contract.Closings, Sum, name)}, Operator: Below, Threshold: 1, Period: minutes(5),
			Missing: Breaching, Reason: "Nobody closes intervals", Runbook: open,
		}),
	}
	return all
}

// freshness is how old a record is at most when its interval closes.
func (s Stream) freshness() Duration { return s.Interval + s.Grace }

// iteratorAgeAlarm is of a function that takes the records of a stream too late. The metric is in milliseconds.
func iteratorAgeAlarm(page, function, name string, most Duration, of int, runbook, reason string) Alarm {
	return fires(page, function+"-"+name, of, Alarm{
		Series:   []Series{{"", FunctionMetrics, functionIteratorAge, Maximum, Target{OfFunction, function}}},
		Operator: Above, Threshold: 1000 * float64(most.Seconds()), Reason: reason, Runbook: runbook,
	})
}
