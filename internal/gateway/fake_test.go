package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"dip/internal/interval"
)

// fate is what a fake call does to its records.
type fate struct {
	err   error                              // of the call
	lost  bool                               // the records are put, but the reply is not received: it times out
	stall time.Duration                      // before the reply; the call's context may end first
	fails func(i int) (code string, is bool) // of single records; nil: none
}

// fake is a stream in memory.
type fake struct {
	next func(call int) fate // of the calls, from 0; nil: all succeed

	mu    sync.Mutex
	calls []call
	ids   map[string]int    // how often each record id was put
	data  map[string]string // by id
}

type call struct {
	at      time.Time
	records int
	bytes   int
}

var errLimits = errors.New("the call is beyond the limits of PutRecords")

func (f *fake) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (
	*kinesis.PutRecordsOutput, error) {
	c := call{at: time.Now(), records: len(in.Records)}
	for _, r := range in.Records {
		c.bytes += len(r.Data) + len(*r.PartitionKey)
	}
	f.mu.Lock()
	n := len(f.calls)
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if c.records == 0 || c.records > 500 || c.bytes > 5<<20 {
		return nil, errLimits
	}
	var now fate
	if f.next != nil {
		now = f.next(n)
	}
	if now.err != nil {
		return nil, now.err
	}
	if !now.lost && now.stall > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(now.stall):
		}
	}
	out := f.put(in.Records, now)
	if now.lost {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return out, nil
}

func (f *fake) put(records []types.PutRecordsRequestEntry, now fate) *kinesis.PutRecordsOutput {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids, f.data = map[string]int{}, map[string]string{}
	}
	out := &kinesis.PutRecordsOutput{}
	for i, r := range records {
		if now.fails != nil {
			if code, is := now.fails(i); is {
				out.Records = append(out.Records, types.PutRecordsResultEntry{ErrorCode: &code})
				continue
			}
		}
		head, line, _ := bytes.Cut(r.Data, []byte("\n"))
		id := strings.TrimPrefix(string(head), "\x00dip id ")
		f.ids[id]++
		f.data[id] = string(line)
		out.Records = append(out.Records, types.PutRecordsResultEntry{
			SequenceNumber: aws.String(fmt.Sprint(len(f.ids))), ShardId: aws.String("shardId-000000000000")})
	}
	return out
}

// sizes are the numbers of records in the calls so far.
func (f *fake) sizes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []int
	for _, c := range f.calls {
		list = append(list, c.records)
	}
	return list
}

var quiet = slog.New(slog.DiscardHandler)

func newWriter(f *fake) *Writer {
	w := &Writer{Stream: "readings", Kinesis: f, Metrics: NewMetrics(), Log: quiet}
	w.Start()
	return w
}

// numbered makes n records with ids that begin with a name.
func numbered(t testing.TB, name string, n, size int) []Record {
	t.Helper()
	list := make([]Record, n)
	for i := range list {
		data, err := interval.Envelope(fmt.Sprintf("%s-%d", name, i), bytes.Repeat([]byte("x"), size))
		if err != nil {
			t.Fatal(err)
		}
		list[i] = newRecord(data)
		list[i].entry.PartitionKey = aws.String("0123456789abcdef")
	}
	return list
}

func count(outcomes []Outcome) map[Outcome]int {
	n := map[Outcome]int{}
	for _, o := range outcomes {
		n[o]++
	}
	return n
}
