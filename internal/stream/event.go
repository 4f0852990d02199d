// Package stream turns the records of a Kinesis stream into certified intervals. The witness archives everything in
// order, the processor makes outputs of it in any order, and the closer compares: see package interval.
package stream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dip/contract"
	"dip/internal/interval"
)

// Shard is a shard of a stream.
type Shard struct {
	ID      string
	Parents []string // the shard that it was split from, or the two that it was merged from
	Closed  bool     // it was split or merged, and takes no more records
	HashKey string   // first hash key of its range
}

// Shards lists the shards of a stream that still hold records, open or not.
type Shards interface {
	Shards(ctx context.Context) ([]Shard, error)
}

// arrived is a record of a stream.
type arrived struct {
	contract.StreamRecord
	message interval.Message
	digest  interval.Record
}

func arrive(r contract.StreamRecord) (arrived, error) {
	n, err := contract.ParseSequence(r.Sequence)
	m := interval.Parse(r.Data, r.At)
	return arrived{r, m, m.Digest(n, r.At)}, err
}

// read gives the records of an event, which are of one shard.
func read(e events.KinesisEvent) (shard string, list []arrived, err error) {
	for _, r := range e.Records {
		of, _, ok := strings.Cut(r.EventID, ":") // shardId-000000000000:49590338271490256608559692538361571095921...
		if shard == "" {
			shard = of
		}
		if !ok || of != shard {
			return "", nil, fmt.Errorf("event %q is not of shard %q as the ones before", r.EventID, shard)
		}
		a, err := arrive(contract.StreamRecord{
			Sequence: r.Kinesis.SequenceNumber, Key: r.Kinesis.PartitionKey, Data: r.Kinesis.Data,
			At: r.Kinesis.ApproximateArrivalTimestamp.Round(time.Millisecond).UnixMilli(),
		})
		if err != nil {
			return "", nil, fmt.Errorf("event %q: %w", r.EventID, err)
		}
		list = append(list, a)
	}
	return shard, list, nil
}

// loadOf is the load of an interval of a segment.
func loadOf(segment string, s contract.Stream, i interval.Interval) string {
	return contract.LoadID(contract.IntervalInput(segment, s, span(i)))
}

func span(i interval.Interval) contract.Interval {
	return contract.Interval{Start: time.UnixMilli(i.Start).UTC(), End: time.UnixMilli(i.End).UTC()}
}

// settings are those of a segment's stream in a catalog.
func settings(s contract.Segment, name string) (contract.Stream, error) {
	if s.Stream == nil {
		return contract.Stream{}, fmt.Errorf("segment %s has no stream in its catalog", name)
	}
	return *s.Stream, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
