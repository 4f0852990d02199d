package client

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"dip/contract"
	"dip/internal/evidence"
	"dip/internal/fault"
	"dip/internal/ledger"
	"dip/internal/stream/streamtest"
	"dip/internal/verify"
)

// shards is a stream as Kinesis' client shows it, two records a call.
type shards struct {
	*streamtest.Lane
	err error
}

func (s shards) GetShardIterator(_ context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options)) (
	*kinesis.GetShardIteratorOutput, error) {
	if s.err != nil {
		return nil, s.err
	}
	var shard int
	if _, err := fmt.Sscanf(*in.ShardId, "shardId-%d", &shard); err != nil {
		return nil, err
	}
	at := 0
	for at < len(s.Retained(shard)) && s.Retained(shard)[at].At < in.Timestamp.UnixMilli() {
		at++
	}
	return &kinesis.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprint(shard, at))}, nil
}

func (s shards) GetRecords(_ context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options)) (
	*kinesis.GetRecordsOutput, error) {
	var shard, at int
	if _, err := fmt.Sscan(*in.ShardIterator, &shard, &at); err != nil {
		return nil, err
	}
	all := s.Retained(shard)[at:]
	out := &kinesis.GetRecordsOutput{NextShardIterator: aws.String(fmt.Sprint(shard, at+min(2, len(all))))}
	for _, r := range all[:min(2, len(all))] {
		out.Records = append(out.Records, types.Record{SequenceNumber: &r.Sequence, PartitionKey: &r.Key, Data: r.Data,
			ApproximateArrivalTimestamp: aws.Time(time.UnixMilli(r.At))})
	}
	out.MillisBehindLatest = aws.Int64(int64(len(all) - len(out.Records)))
	return out, nil
}

func noPause(context.Context, time.Duration) error { return nil }

// lane has two certified intervals, the second one with duplicates and quarantine, and then what came later.
func lane(t *testing.T) (l *streamtest.Lane, second string) {
	t.Helper()
	l = streamtest.New(t, 2, 120)
	for i := range 5 {
		l.Put(i%2, fmt.Sprint("a", i), fmt.Sprintf(`{"v":%d}`, i))
	}
	l.Close()
	l.Put(0, "a0", `{"v":0}`)
	l.Put(0, "", `{"v":"x"}`)
	l.Put(1, "b", `{"v":7}`)
	second = l.Close()[0]
	l.Put(0, "late", `{"v":9}`)
	l.Deliver(true)
	return l, second
}

// intervalOf gives a load and its certificate.
func intervalOf(t *testing.T, l *streamtest.Lane, id string) (ledger.Load, contract.Certificate, string) {
	t.Helper()
	load, err := l.Ledger.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	c, sum, err := Certificate(t.Context(), l.Lake, load)
	if err != nil {
		t.Fatal(err)
	}
	return load, c, sum
}

func TestAnIntervalIsProvenAgain(t *testing.T) {
	l, id := lane(t)
	load, c, sum := intervalOf(t, l, id)
	recorded, err := RecordedInterval(t.Context(), l.Ledger, load, c)
	if err != nil {
		t.Fatal(err)
	}
	prove := func(c contract.Certificate) verify.Report {
		t.Helper()
		r, err := verify.Certificate(t.Context(), verify.Options{Lake: l.Lake, Certificate: c, SHA256: sum,
			PublicKey: &l.Key.PublicKey, Ledger: &recorded, Stream: Retained{shards{Lane: l}, c.Input.Bucket, noPause}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := prove(c)
	if !r.Verified || r.RowsIn != 2 || r.Quarantined != 1 || r.Stream == nil || r.Stream.Expired != 0 ||
		r.Stream.Compared < 5 || r.StreamText() != fmt.Sprintf("all %d archived records compared with the stream",
		r.Stream.Compared) {
		t.Errorf("%+v %+v", r, r.Stream)
	}
	// What the ledger has counts, whatever the certificate says.
	for name, change := range map[string]func(*contract.Certificate){
		"totals": func(c *contract.Certificate) { c.Totals.RowsOut++ },
		"ack":    func(c *contract.Certificate) { c.Chunks[0].Millis++ },
		"batch":  func(c *contract.Certificate) { c.Stream.Shards[0].Batches[0].Bytes++ },
		"link":   func(c *contract.Certificate) { c.Link = nil },
	} {
		_, forged, _ := intervalOf(t, l, id)
		change(&forged)
		if again, err := RecordedInterval(t.Context(), l.Ledger, load, forged); err != nil || again.Totals.RowsOut !=
			c.Totals.RowsOut || again.Chunks[0].Millis != c.Chunks[0].Millis || again.Link == nil ||
			again.Stream.Shards[0].Batches[0] != c.Stream.Shards[0].Batches[0] {
			t.Errorf("%s: %+v, %v", name, again, err)
		}
		if prove(forged).Verified {
			t.Errorf("another %s is verified", name)
		}
	}
	if _, err := RecordedInterval(t.Context(), l.Ledger, ledger.Load{}, c); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is no interval: %v", err)
	}
}

// The stream shows what the archive hides; what it has dropped is not held against the archive.
func TestAnArchiveThatIsNotTheStream(t *testing.T) {
	first := func(l *streamtest.Lane, c contract.Certificate) int { // of the interval, in shard 0
		after := contract.Sequence(c.Stream.Shards[0].From.After)
		for i, r := range l.Retained(0) {
			if contract.Sequence(r.Sequence).Compare(after) > 0 {
				return i
			}
		}
		return -1
	}
	for name, c := range map[string]struct {
		change   func(l *streamtest.Lane, at int)
		verified bool
		text     string
	}{
		"other data":  {func(l *streamtest.Lane, at int) { l.Retained(0)[at+1].Data = []byte(`{"v":8}`) }, false, ""},
		"other key":   {func(l *streamtest.Lane, at int) { l.Retained(0)[at].Key = "other" }, false, ""},
		"not there":   {func(l *streamtest.Lane, at int) { l.Retained(0)[at+1].Sequence = l.Retained(0)[at].Sequence }, false, ""},
		"one expired": {func(l *streamtest.Lane, at int) { l.Trim(0, at+1) }, true, "1 more have expired there"},
		"all expired": {func(l *streamtest.Lane, at int) {
			l.Trim(0, len(l.Retained(0)))
			l.Trim(1, len(l.Retained(1)))
		}, true, "none of these records any more"},
	} {
		l, id := lane(t)
		_, certificate, sum := intervalOf(t, l, id)
		c.change(l, first(l, certificate))
		r, err := verify.Certificate(t.Context(), verify.Options{Lake: l.Lake, Certificate: certificate, SHA256: sum,
			Stream: Retained{shards{Lane: l}, "readings-stream", noPause}})
		if err != nil || r.Verified != c.verified || !strings.Contains(r.StreamText(), c.text) {
			t.Errorf("%s: %+v %s, %v", name, r, r.StreamText(), err)
		}
	}
}

func TestAStreamThatCannotBeRead(t *testing.T) {
	l, id := lane(t)
	_, c, sum := intervalOf(t, l, id)
	for _, try := range []struct {
		err  error
		text string
	}{
		{&types.ResourceNotFoundException{}, "none of these records any more"},
		{&smithy.GenericAPIError{Code: "AccessDeniedException"}, "not compared with the stream: read shard"},
		{errors.New("reset"), ""},
	} {
		r, err := verify.Certificate(t.Context(), verify.Options{Lake: l.Lake, Certificate: c, SHA256: sum,
			Stream: Retained{shards{l, try.err}, c.Input.Bucket, noPause}})
		if failed := try.text == ""; (err != nil) != failed || !failed && (!r.Verified ||
			!strings.Contains(r.StreamText(), try.text)) || fault.IsPermanent(err) {
			t.Errorf("%v: %+v, %v", try.err, r, err)
		}
	}
}

// The evidence of an interval proves it without a stack; each of its files is needed.
func TestTheEvidenceOfAnInterval(t *testing.T) {
	l, id := lane(t)
	_, c, _ := intervalOf(t, l, id)
	dir := t.TempDir()
	if err := evidence.Write(t.Context(), l.Lake, c, dir); err != nil {
		t.Fatal(err)
	}
	folder, c, sum, err := evidence.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify.Certificate(t.Context(), verify.Options{Lake: folder, Certificate: c, SHA256: sum,
		PublicKey: &l.Key.PublicKey})
	if err != nil || !r.Verified || r.StreamText() != "" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, name := range []string{"archive/*.gz", "covers/ids-*", "previous/*.json", "data/*", "quarantine/*"} {
		if files, err := filepath.Glob(filepath.Join(dir, name)); err != nil || len(files) == 0 {
			t.Errorf("no %s, %v", name, err)
		}
	}
}
