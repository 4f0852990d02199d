package scenarios

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/verify"
)

// intervalsLimit is how long the last interval may take to be certified.
const intervalsLimit = 6 * time.Minute

// proveReadings wants each record that was answered with a success to be in the stream, and each that is in the stream
// to be in a certified interval: in its output or its quarantine, once.
func (l *Lab) proveReadings(ctx context.Context, promised map[int]bool, sent int) ([]string, error) {
	arrived, records, err := l.arrived(ctx)
	if err != nil {
		return nil, err
	}
	for v := range promised {
		if arrived[v] == 0 {
			return nil, fmt.Errorf("record %d was answered with a success, and is not in the stream", v)
		}
	}
	intervals, err := l.settle(ctx, records)
	if err != nil {
		return nil, err
	}
	found, repeated := map[int]int{}, int64(0)
	for _, c := range intervals {
		repeated += c.Stream.Repeated.Records
		if err := l.values(ctx, c, found); err != nil {
			return nil, err
		}
	}
	for v := range arrived {
		if found[v] != 1 {
			return nil, fmt.Errorf("record %d is in the stream %d times, and %d times in output and quarantine", v, arrived[v],
				found[v])
		}
	}
	return []string{
		fmt.Sprintf("%d records sent, %d answered with a success, %d in the stream, with %d repeats", sent, len(promised),
			len(arrived), records-len(arrived)),
		fmt.Sprintf("%d intervals certified and verified: each record is there once, %d repeats removed", len(intervals),
			repeated),
	}, nil
}

// arrived counts how often each value is in the stream, and all records, markers left out.
func (l *Lab) arrived(ctx context.Context) (values map[int]int, records int, err error) {
	k, name := kinesis.NewFromConfig(l.Stack.AWSConfig()), l.Stack.Outputs.Segments[gatewaySegment].Stream.Name
	shards, err := k.ListShards(ctx, &kinesis.ListShardsInput{StreamName: &name})
	if err != nil {
		return nil, 0, fmt.Errorf("list the stream's shards: %w", err)
	}
	values = map[int]int{}
	for _, s := range shards.Shards {
		at, err := k.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &name, ShardId: s.ShardId,
			ShardIteratorType: kintypes.ShardIteratorTypeTrimHorizon})
		if err != nil {
			return nil, 0, fmt.Errorf("read the stream: %w", err)
		}
		for next := at.ShardIterator; next != nil; {
			out, err := k.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: next})
			if err != nil {
				return nil, 0, fmt.Errorf("read the stream: %w", err)
			}
			for _, r := range out.Records {
				if bytes.HasPrefix(r.Data, []byte("\x00dip marker ")) {
					continue
				}
				v, err := valueOf(r.Data)
				if err != nil {
					return nil, 0, err
				}
				values[v]++
				records++
			}
			if next = out.NextShardIterator; len(out.Records) == 0 && aws.ToInt64(out.MillisBehindLatest) == 0 {
				break
			}
		}
	}
	return values, records, nil
}

// valueOf finds the value of a record that a sender sent.
func valueOf(data []byte) (int, error) {
	_, id, ok := bytes.Cut(data, []byte(`"id":"`+senderPrefix))
	text, _, end := bytes.Cut(id, []byte(`"`))
	v, err := strconv.Atoi(string(text))
	if !ok || !end || err != nil {
		return 0, fmt.Errorf("no sender sent %.200q", data)
	}
	return v, nil
}

// settle has the closer run until as many records are certified as are in the stream, proves the intervals and returns
// them.
func (l *Lab) settle(ctx context.Context, records int) (list []contract.Certificate, err error) {
	s := l.Stack.Client()
	closer := l.Stack.Outputs.Segments[gatewaySegment].Stream.Closer
	err = await(ctx, intervalsLimit, fmt.Sprintf("%d records to be certified", records),
		func(ctx context.Context) (bool, error) {
			if _, err := s.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &closer}); err != nil {
				return false, fmt.Errorf("run the closer: %w", err)
			}
			if list, err = l.intervals(ctx, false); err != nil {
				return false, err
			}
			archived := int64(0)
			for _, c := range list {
				archived += c.Stream.Archived.Records
			}
			if archived > int64(records) {
				return false, fmt.Errorf("%d records are certified, but %d are in the stream", archived, records)
			}
			return archived == int64(records), nil
		})
	if err != nil {
		return nil, err
	}
	return l.intervals(ctx, true)
}

// intervals are the certificates of the segment's intervals, proven again with independent code if that is asked for.
func (l *Lab) intervals(ctx context.Context, proven bool) (list []contract.Certificate, err error) {
	s := l.Stack.Client()
	for day := l.Stack.Daemon.Started.UTC().Truncate(24 * time.Hour); day.Before(time.Now()); day = day.AddDate(0, 0, 1) {
		loads, err := s.Ledger.Day(ctx, day.Format(time.DateOnly))
		if err != nil {
			return nil, err
		}
		for _, load := range loads {
			if load.Interval == nil || load.Segment != gatewaySegment || load.Status != contract.Published {
				continue
			}
			c, sum, err := client.Certificate(ctx, s.Lake, load)
			if err != nil {
				return nil, err
			}
			list = append(list, c)
			if !proven {
				continue
			}
			report, err := verify.Certificate(ctx, verify.Options{Lake: s.Lake, Certificate: c, SHA256: sum})
			if err == nil && !report.Verified {
				err = errors.New("it does not verify")
			}
			if err != nil {
				return nil, fmt.Errorf("interval %s: %w: %+v", load.ID, err, report)
			}
		}
	}
	return list, nil
}

// values counts the values in the outputs and the quarantine of an interval.
func (l *Lab) values(ctx context.Context, c contract.Certificate, found map[int]int) error {
	for _, k := range c.Chunks {
		for _, o := range k.Outputs {
			if err := l.rows(ctx, o.Key, found); err != nil {
				return fmt.Errorf("read %s: %w", o.Key, err)
			}
		}
		if k.Quarantine != nil {
			if err := l.rejected(ctx, k.Quarantine.Key, found); err != nil {
				return fmt.Errorf("read %s: %w", k.Quarantine.Key, err)
			}
		}
	}
	return nil
}

// rows counts the measured values in a Parquet file.
func (l *Lab) rows(ctx context.Context, key string, found map[int]int) error {
	data, err := l.Stack.Client().Lake.Get(ctx, key)
	if err != nil {
		return err
	}
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer r.Close()
	fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	table, err := fr.ReadTable(ctx)
	if err != nil {
		return err
	}
	defer table.Release()
	for _, a := range table.Column(table.Schema().FieldIndices("value")[0]).Data().Chunks() {
		for i := range a.Len() {
			v, err := strconv.ParseFloat(a.ValueStr(i), 64)
			if err != nil {
				return err
			}
			found[int(v)]++
		}
	}
	return nil
}

// rejected counts the values of the records in a quarantine.
func (l *Lab) rejected(ctx context.Context, key string, found map[int]int) error {
	data, err := l.Stack.Client().Lake.Get(ctx, key)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for lines := json.NewDecoder(z); ; {
		var r contract.Rejected
		if err := lines.Decode(&r); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		v, err := valueOf(r.Bytes())
		if err != nil {
			return err
		}
		found[v]++
	}
}
