package verify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"dip/contract"
	"dip/internal/fault"
)

// Stream reads the records that a stream still has.
type Stream interface {
	// Records visits the records of a shard in order, from a time of arrival on, until visit returns false or there are no
	// more. A shard that is gone has none. The error is permanent if the stream may not be read.
	Records(ctx context.Context, shard string, from time.Time, visit func(contract.StreamRecord) (more bool)) error
}

// Retained is what was found of the archived records in the stream itself.
type Retained struct {
	Compared int64  `json:"compared"`         // records that the stream still has
	Expired  int64  `json:"expired"`          // and those that it had, by the archive
	Reason   string `json:"reason,omitempty"` // why the stream could not be read
}

// StreamText says for people what was found of the stream; "" where nobody asked.
func (r Report) StreamText() string {
	switch s := r.Stream; {
	case s == nil:
		return ""
	case s.Reason != "":
		return "not compared with the stream: " + s.Reason
	case s.Compared == 0:
		return "not compared with the stream: it has none of these records any more"
	case s.Expired > 0:
		return fmt.Sprintf("%d archived records compared with the stream; %d more have expired there", s.Compared, s.Expired)
	default:
		return fmt.Sprintf("all %d archived records compared with the stream", s.Compared)
	}
}

// line is an archived record, as far as a comparison with the stream needs it.
type line struct {
	sequence string
	hash     [sha256.Size]byte
}

func newLine(r contract.StreamRecord) line {
	data, err := json.Marshal(r)
	if err != nil { // it has texts, a number and bytes
		panic(err)
	}
	return line{r.Sequence, sha256.Sum256(data)}
}

// clockMargin is how much later than the next record one may seem to have arrived: arrival is approximate.
const clockMargin = time.Minute

// retained compares what is archived of a shard with what its stream still has of it: the same records in the same
// order, none between them and none besides.
func (v *verification) retained(ctx context.Context, s *shardRead) error {
	if v.Stream == nil || len(s.lines) == 0 {
		return nil
	}
	if v.report.Stream == nil {
		v.report.Stream = &Retained{}
	}
	begin, last := number(s.From.After), number(s.lines[len(s.lines)-1].sequence) // "" is before every number
	next, expired := 0, true                                                      // as long as expired is true, the archive may hold what the stream has dropped
	from := time.UnixMilli(s.earliest).UTC().Add(-clockMargin)
	err := v.Stream.Records(ctx, s.Shard, from, func(r contract.StreamRecord) bool {
		n := number(r.Sequence)
		if n.Cmp(last) > 0 {
			return false
		}
		for ; n.Cmp(begin) > 0 && next < len(s.lines) && number(s.lines[next].sequence).Cmp(n) < 0; next++ {
			v.gone(s, next, expired)
		}
		if expired = false; n.Cmp(begin) <= 0 {
			return true
		}
		v.report.Stream.Compared++
		v.check(next < len(s.lines) && s.lines[next] == newLine(r),
			"record %s of shard %s is not archived as the stream has it", n, s.Shard)
		if next < len(s.lines) && s.lines[next].sequence == r.Sequence {
			next++
		}
		return n.Cmp(last) < 0
	})
	switch {
	case fault.IsPermanent(err):
		v.report.Stream.Reason = err.Error()
		return nil
	case err != nil:
		return fmt.Errorf("read the stream: %w", err)
	}
	for ; next < len(s.lines); next++ {
		v.gone(s, next, expired)
	}
	return nil
}

// gone counts an archived record that the stream does not have: it has expired, or it was never there.
func (v *verification) gone(s *shardRead, at int, expired bool) {
	if expired {
		v.report.Stream.Expired++
		return
	}
	v.check(false, "record %s of shard %s is archived, and not in the stream", s.lines[at].sequence, s.Shard)
}
