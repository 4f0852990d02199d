package runner

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// shardPoll is the pause after an empty read. Lambda reads once a second; local mode reads more often.
const shardPoll = 250 * time.Millisecond

// readAhead is how many records of a shard may wait for a lane.
const readAhead = 1000

// streams is the part of Kinesis that reads streams.
type streams interface {
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	GetShardIterator(
		context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options),
	) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
}

// streamPoller runs an event source mapping of a Kinesis stream.
type streamPoller struct {
	streams streams
	// call invokes the function with a batch whose last record has an age. An error means that it did not run.
	call    func(ctx context.Context, payload []byte, age time.Duration) (outcome, error)
	deliver func(context.Context, delivery) error
	now     func() time.Time
	log     *slog.Logger

	mapping             types.EventSourceMappingConfiguration
	region, account     string
	function, streamARN string
	stream              string
	batchSize, lanes    int
	window              time.Duration
	partial             bool
	retry               retryPolicy
	destination         string
	checkpoints         *checkpoints
	path                string // of the checkpoints' file
}

func newStreamPoller(r *Runner, m types.EventSourceMappingConfiguration) *streamPoller {
	p := &streamPoller{
		streams: r.kinesis, deliver: r.deliver, now: r.opts.Now, log: r.log, region: r.opts.Region,
		account: r.opts.AccountID, path: filepath.Join(r.opts.Dir, "checkpoints", aws.ToString(m.UUID)+".json"),
		mapping:   m,
		function:  aws.ToString(m.FunctionArn),
		streamARN: aws.ToString(m.EventSourceArn),
		batchSize: max(1, int(aws.ToInt32(m.BatchSize))),
		lanes:     max(1, int(aws.ToInt32(m.ParallelizationFactor))),
		window:    time.Duration(aws.ToInt32(m.MaximumBatchingWindowInSeconds)) * time.Second,
		partial:   len(m.FunctionResponseTypes) > 0,
		retry:     retryPolicy{maxRetries: -1, bisect: aws.ToBool(m.BisectBatchOnFunctionError)},
	}
	_, p.stream, _ = strings.Cut(p.streamARN, "/")
	p.call = func(ctx context.Context, payload []byte, age time.Duration) (outcome, error) {
		t, err := r.registry.resolve(p.function, "")
		if err != nil {
			r.log.Warn("function of a mapping not found", "stream", p.streamARN, "error", err)
			return outcome{}, err
		}
		r.publish(t.version.function, "IteratorAge", cwtypes.StandardUnitMilliseconds, float64(age.Milliseconds()))
		return r.pool.invoke(ctx, t, payload, newID())
	}
	if m.MaximumRetryAttempts != nil {
		p.retry.maxRetries = int(*m.MaximumRetryAttempts)
	}
	if age := aws.ToInt32(m.MaximumRecordAgeInSeconds); age > 0 {
		p.retry.maxAge = time.Duration(age) * time.Second
	}
	if m.DestinationConfig != nil && m.DestinationConfig.OnFailure != nil {
		p.destination = aws.ToString(m.DestinationConfig.OnFailure.Destination)
	}
	return p
}

// run reads all shards until ctx ends: parents first, their children once they are done, so that the order of a
// partition key survives a reshard.
func (p *streamPoller) run(ctx context.Context) {
	var err error
	if p.checkpoints, err = openCheckpoints(p.path); err != nil {
		p.log.Error("stream mapping not started", "stream", p.streamARN, "error", err)
		return
	}
	var shards sync.WaitGroup
	defer shards.Wait()
	ended := make(chan struct{}, 1)
	started := map[string]bool{}
	first := true
	for ctx.Err() == nil {
		list, err := p.listShards(ctx)
		if err != nil {
			if ctx.Err() == nil {
				p.log.Warn("listing shards failed", "stream", p.streamARN, "error", err)
			}
			pause(ctx, failurePause)
			continue
		}
		for _, shard := range p.ready(list, started) {
			id := aws.ToString(shard.ShardId)
			started[id] = true
			// Shards from a reshard are read from their start, whatever the mapping's starting position.
			atStart := !first
			shards.Go(func() {
				p.consume(ctx, id, atStart)
				select {
				case ended <- struct{}{}:
				default:
				}
			})
		}
		first = false
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
}

func (p *streamPoller) listShards(ctx context.Context) ([]kintypes.Shard, error) {
	var all []kintypes.Shard
	in := &kinesis.ListShardsInput{StreamName: &p.stream}
	for {
		out, err := p.streams.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.Shards...)
		if out.NextToken == nil {
			return all, nil
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

// ready are the shards that may start now: not started, not done, and with all parents that still exist done.
func (p *streamPoller) ready(list []kintypes.Shard, started map[string]bool) []kintypes.Shard {
	exists := map[string]bool{}
	for _, s := range list {
		exists[aws.ToString(s.ShardId)] = true
	}
	done := func(id *string) bool {
		if id == nil || !exists[*id] {
			return true
		}
		state, _ := p.checkpoints.get(*id)
		return state.Done
	}
	var ready []kintypes.Shard
	for _, s := range list {
		if !started[*s.ShardId] && !done(s.ShardId) && done(s.ParentShardId) && done(s.AdjacentParentShardId) {
			ready = append(ready, s)
		}
	}
	return ready
}

// consume reads one shard to its end or until ctx ends.
func (p *streamPoller) consume(ctx context.Context, shard string, atStart bool) {
	iterator, err := p.iterator(ctx, shard, atStart)
	for err != nil && ctx.Err() == nil {
		p.log.Warn("reading a shard failed", "stream", p.streamARN, "shard", shard, "error", err)
		pause(ctx, failurePause)
		iterator, err = p.iterator(ctx, shard, atStart)
	}
	track := newProgress()
	lanes := make([]chan kintypes.Record, p.lanes)
	var running sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan kintypes.Record, readAhead)
		l := &lane{p: p, shard: shard, track: track}
		running.Go(func() { l.run(ctx, lanes[i]) })
	}
	closed := p.read(ctx, shard, iterator, track, lanes)
	for _, l := range lanes {
		close(l)
	}
	running.Wait()
	if closed && ctx.Err() == nil {
		if err := p.checkpoints.set(shard, shardState{Sequence: track.finish(nil), Done: true}); err != nil {
			p.log.Error("checkpoint failed", "shard", shard, "error", err)
		}
	}
}

// read passes records on to their lanes. It reports whether the shard is closed and read to its end.
func (p *streamPoller) read(
	ctx context.Context, shard string, iterator *string, track *progress, lanes []chan kintypes.Record,
) bool {
	for iterator != nil && ctx.Err() == nil {
		out, err := p.streams.GetRecords(ctx,
			&kinesis.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(readAhead)})
		if err != nil {
			if ctx.Err() == nil {
				p.log.Warn("reading a shard failed", "stream", p.streamARN, "shard", shard, "error", err)
			}
			pause(ctx, failurePause)
			continue
		}
		iterator = out.NextShardIterator
		for _, record := range out.Records {
			track.read(aws.ToString(record.SequenceNumber))
			select {
			case lanes[laneOf(aws.ToString(record.PartitionKey), len(lanes))] <- record:
			case <-ctx.Done():
				return false
			}
		}
		if len(out.Records) == 0 && iterator != nil {
			pause(ctx, shardPoll)
		}
	}
	return iterator == nil
}

// laneOf keeps all records of a partition key in one lane.
func laneOf(key string, lanes int) int {
	h := fnv.New32a()
	h.Write([]byte(key)) // a hash never fails to write
	return int(h.Sum32() % uint32(lanes))
}

// iterator starts at the checkpoint if there is one, else at the mapping's starting position.
func (p *streamPoller) iterator(ctx context.Context, shard string, atStart bool) (*string, error) {
	in := &kinesis.GetShardIteratorInput{StreamName: &p.stream, ShardId: &shard}
	state, known := p.checkpoints.get(shard)
	switch {
	case known && state.Sequence != "":
		in.ShardIteratorType, in.StartingSequenceNumber = kintypes.ShardIteratorTypeAfterSequenceNumber, &state.Sequence
	case atStart || known:
		in.ShardIteratorType = kintypes.ShardIteratorTypeTrimHorizon
	default:
		in.ShardIteratorType = kintypes.ShardIteratorType(p.mapping.StartingPosition)
		in.Timestamp = p.mapping.StartingPositionTimestamp
	}
	out, err := p.streams.GetShardIterator(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("get an iterator: %w", err)
	}
	return out.ShardIterator, nil
}
