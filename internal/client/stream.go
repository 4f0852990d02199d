package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"dip/contract"
	"dip/internal/fault"
)

// Kinesis is the part of Kinesis that reads a stream. *kinesis.Client implements it.
type Kinesis interface {
	GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (
		*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
}

// Retained reads what a stream still has. It is a verify.Stream.
type Retained struct {
	Kinesis Kinesis
	Stream  string // name
	Pause   func(ctx context.Context, d time.Duration) error
}

// readPause is the time between two reads of a shard. All readers of a shard share five reads a second ("Kinesis Data
// Streams quotas"), and the functions need theirs.
const readPause = 500 * time.Millisecond

// Records visits the records of a shard that arrived at a time or later, in order, until visit returns false or there
// are no more. A shard or stream that is gone has none.
func (s Retained) Records(ctx context.Context, shard string, from time.Time,
	visit func(contract.StreamRecord) (more bool)) error {
	start, err := s.Kinesis.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: &s.Stream, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeAtTimestamp, Timestamp: &from,
	})
	if err != nil {
		return s.failed(shard, err)
	}
	for at := start.ShardIterator; at != nil; {
		out, err := s.Kinesis.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: at})
		if err != nil {
			return s.failed(shard, err)
		}
		for _, r := range out.Records {
			if !visit(contract.StreamRecord{Sequence: aws.ToString(r.SequenceNumber), Key: aws.ToString(r.PartitionKey),
				Data: r.Data, At: r.ApproximateArrivalTimestamp.UnixMilli()}) {
				return nil
			}
		}
		if len(out.Records) == 0 && aws.ToInt64(out.MillisBehindLatest) == 0 {
			return nil
		}
		at = out.NextShardIterator
		if err := s.Pause(ctx, readPause); err != nil {
			return err
		}
	}
	return nil
}

// denied are the error codes of who may not read a stream.
var denied = map[string]bool{"AccessDeniedException": true, "KMSAccessDeniedException": true}

func (s Retained) failed(shard string, err error) error {
	var gone *types.ResourceNotFoundException
	if errors.As(err, &gone) {
		return nil
	}
	err = fmt.Errorf("read shard %s of stream %s: %w", shard, s.Stream, err)
	var api smithy.APIError
	if errors.As(err, &api) && denied[api.ErrorCode()] {
		return fault.Permanent(err)
	}
	return err
}

// Pause waits for a time, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-wait.C:
		return nil
	}
}
