package gateway

import (
	"cmp"
	"net/http"
	"slices"
)

// need is what the records of a body take besides it: bytes for their ids, and of the budget for all else, at most.
func need(raws [][]byte, l Limits, names naming) (ids int, rest int64) {
	for _, raw := range raws {
		rest += overhead
		if len(raw) <= l.Record {
			id := names.longest(raw)
			ids += id
			rest += int64(encodedSize(id, len(raw))) * 5 / 4 // a call's buffer may be larger than the call by a fourth
		}
	}
	return ids, rest
}

// prepare appends the records of a body that can be sent, and the results of the others. Their ids go into a buffer
// that has room for them. breaks: there may be line breaks within the records.
func prepare(records []Record, failed []Result, raws [][]byte, breaks bool, l Limits, names naming, ids []byte) (
	[]Record, []Result,
) {
	for i, raw := range raws {
		line, refused := check(raw, breaks, l)
		from := len(ids)
		if refused == nil {
			ids, refused = names.appendID(ids, i, line)
		}
		if refused != nil {
			ids = ids[:from]
			refused.Index = i
			failed = append(failed, *refused)
			continue
		}
		records = append(records, Record{id: ids[from:len(ids):len(ids)], line: line, place: i})
	}
	return records, failed
}

// refusals appends the results of the records that were not accepted.
func refusals(failed []Result, records []Record) []Result {
	before := len(failed)
	for i := range records {
		if r := &records[i]; r.outcome != Accepted {
			status, reason := explain(r.outcome)
			failed = append(failed, Result{Index: r.place, Status: status, Reason: reason})
		}
	}
	if before > 0 && before < len(failed) {
		slices.SortFunc(failed, func(x, y Result) int { return cmp.Compare(x.Index, y.Index) })
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

// conclude answers a request by its records that were not accepted; without any accepted it is a problem.
func conclude(records int, failed []Result) (Answer, *Problem) {
	if status := statusOf(records, failed); status >= http.StatusBadRequest {
		p := problem(status, "none of %d records was accepted", records)
		p.Results = failed
		return Answer{}, p
	}
	return Answer{Records: records, Accepted: records - len(failed), Results: failed}, nil
}
