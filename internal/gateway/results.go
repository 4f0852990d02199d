package gateway

import (
	"cmp"
	"net/http"
	"slices"

	"dip/internal/interval"
)

// envelopes are the records of a request that can be sent, their places in its body, and the results of the others.
type envelopes struct {
	records []Record
	places  []int
	failed  []Result
}

// room is how many bytes the records of a body take in their envelopes, at most.
func room(raws [][]byte, l Limits, names naming) int {
	total := 0
	for _, raw := range raws {
		if len(raw) <= l.Record {
			total += interval.EnvelopeSize(names.longest(raw), len(raw))
		}
	}
	return total
}

// prepare puts the records of a body into their envelopes, in a buffer that has room for them.
func prepare(raws [][]byte, l Limits, names naming, into []byte) envelopes {
	all := envelopes{records: make([]Record, 0, len(raws)), places: make([]int, 0, len(raws))}
	keys := make([]byte, 0, partitionKeyBytes*len(raws))
	var name [maxID]byte
	for i, raw := range raws {
		record, refused := check(raw, l)
		var id []byte
		if refused == nil {
			id, refused = names.appendID(name[:0], i, record)
		}
		if refused != nil {
			refused.Index = i
			all.failed = append(all.failed, *refused)
			continue
		}
		from := len(into)
		into = interval.AppendEnvelope(into, id, record)
		keys = appendPartitionKey(keys, id)
		all.records = append(all.records, newRecord(into[from:len(into):len(into)]))
		all.places = append(all.places, i)
	}
	text, parts := string(keys), make([]string, len(all.records)) // one piece of memory for all keys
	for i := range all.records {
		parts[i] = text[partitionKeyBytes*i:][:partitionKeyBytes]
		all.records[i].entry.PartitionKey = &parts[i]
	}
	return all
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
	if len(b) == 0 || len(a) == 0 {
		return all
	}
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
