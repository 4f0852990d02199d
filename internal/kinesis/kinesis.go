// Package kinesis is a Kinesis stream as its witness and its closer see it. It is apart from package adapters, so that
// functions which only move messages do not link the record path.
package kinesis

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"dip/internal/stream"
)

// Stream is a Kinesis stream.
type Stream struct {
	client *kinesis.Client
	name   string
}

// New is the stream with the given name.
func New(cfg aws.Config, name string) *Stream {
	return &Stream{client: kinesis.NewFromConfig(cfg), name: name}
}

// Shards lists the shards that still hold records, open or not. A page has up to 1,000 of them; each call names the
// stream or the page, never both ("ListShards", Kinesis API reference).
func (s *Stream) Shards(ctx context.Context) ([]stream.Shard, error) {
	var all []stream.Shard
	for in := (&kinesis.ListShardsInput{StreamName: &s.name}); ; {
		out, err := s.client.ListShards(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the shards of stream %s: %w", s.name, err)
		}
		for _, shard := range out.Shards {
			one := stream.Shard{
				ID: aws.ToString(shard.ShardId), HashKey: aws.ToString(shard.HashKeyRange.StartingHashKey),
				Closed: shard.SequenceNumberRange.EndingSequenceNumber != nil,
			}
			for _, parent := range []*string{shard.ParentShardId, shard.AdjacentParentShardId} {
				if parent != nil {
					one.Parents = append(one.Parents, *parent)
				}
			}
			all = append(all, one)
		}
		if out.NextToken == nil {
			return all, nil
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

// markerKey is the partition key of markers; their explicit hash key decides where they go.
const markerKey = "dip"

// Mark puts a record into the shard that has a hash key.
func (s *Stream) Mark(ctx context.Context, hashKey string, data []byte) error {
	_, err := s.client.PutRecord(ctx, &kinesis.PutRecordInput{
		StreamName: &s.name, PartitionKey: aws.String(markerKey), ExplicitHashKey: &hashKey, Data: data,
	})
	if err != nil {
		return fmt.Errorf("put a marker at hash key %s into stream %s: %w", hashKey, s.name, err)
	}
	return nil
}

// Created is when the stream was made.
func (s *Stream) Created(ctx context.Context) (time.Time, error) {
	out, err := s.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &s.name})
	if err != nil {
		return time.Time{}, fmt.Errorf("ask when stream %s was made: %w", s.name, err)
	}
	return aws.ToTime(out.StreamDescriptionSummary.StreamCreationTimestamp), nil
}
