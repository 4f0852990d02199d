package gateway

import (
	"cmp"
	"net/http"
	"slices"
)

// prepare gives the records of a body that can be sent, their places in it, and the results of the others.
func prepare(raws [][]byte, l Limits, names naming) (records []Record, places []int, failed []Result) {
	for i, raw := range raws {
		record, refused := check(raw, l)
		id := ""
		if refused == nil {
			id, refused = names.id(i, record)
		}
		if refused == nil {
			one, err := NewRecord(id, record)
			if err == nil {
				records, places = append(records, one), append(places, i)
				continue
			}
			refused = bad("%v", err)
		}
		refused.Index = i
		failed = append(failed, *refused)
	}
	return records, places, failed
}

// refusals gives the results of the records that were not accepted. places are the records' indexes in the body.
func refusals(outcomes []Outcome, places []int) []Result {
	var failed []Result
	for i, o := range outcomes {
		if o != Accepted {
			status, reason := explain(o)
			failed = append(failed, Result{Index: places[i], Status: status, Reason: reason})
		}
	}
	return failed
}

func explain(o Outcome) (status int, reason string) {
	switch o {
	case Throttled:
		return http.StatusTooManyRequests, "Kinesis takes no more records now: send it again"
	case Denied:
		return http.StatusServiceUnavailable, "the gateway cannot write to the stream: its log says why"
	default:
		return http.StatusServiceUnavailable,
			"Kinesis did not confirm the record: send it again with the same Idempotency-Key or id"
	}
}

func merge(a, b []Result) []Result {
	all := append(a, b...)
	slices.SortFunc(all, func(x, y Result) int { return cmp.Compare(x.Index, y.Index) })
	return all
}

// conclude answers a request by its records that were not accepted; without any accepted it is a problem.
func conclude(records int, failed []Result) (Answer, *Problem) {
	if status := statusOf(records, failed); status >= http.StatusBadRequest {
		p := problem(status, "none of %d records was accepted", records)
		p.Results = failed
		return Answer{}, p
	}
	return Answer{Records: records, Accepted: records - len(failed), Results: failed}, nil
}
