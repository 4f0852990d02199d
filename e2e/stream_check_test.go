package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"dip/contract"
)

// settle has the closer run until all that is in the stream is certified.
func (l *lane) settle() {
	closer, want := stack.Outputs.Segments["readings"].Stream.Closer, l.arrived()
	functions := stack.Client().Lambda
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for end := time.Now().Add(patience); ; <-look.C {
		if _, err := functions.Invoke(l.Context(), &lambda.InvokeInput{FunctionName: &closer}); err != nil {
			l.Fatal(err)
		}
		archived := int64(0)
		for _, c := range l.intervals(false) {
			archived += c.Stream.Archived.Records
		}
		if archived == want {
			return
		}
		if archived > want || time.Now().After(end) {
			l.Fatalf("%d records are certified, %d are in the stream", archived, want)
		}
	}
}

// arrived is how many records the stream has, markers left out.
func (l *lane) arrived() (n int64) {
	open, closed := l.shards()
	for _, s := range append(open, closed...) {
		at, err := l.kinesis.GetShardIterator(l.Context(), &kinesis.GetShardIteratorInput{StreamName: &l.stream,
			ShardId: s.ShardId, ShardIteratorType: kintypes.ShardIteratorTypeTrimHorizon})
		if err != nil {
			l.Fatal(err)
		}
		for next := at.ShardIterator; next != nil; {
			out, err := l.kinesis.GetRecords(l.Context(), &kinesis.GetRecordsInput{ShardIterator: next})
			if err != nil {
				l.Fatal(err)
			}
			for _, r := range out.Records {
				if !bytes.HasPrefix(r.Data, []byte("\x00dip marker ")) {
					n++
				}
			}
			if next = out.NextShardIterator; len(out.Records) == 0 {
				break
			}
		}
	}
	return n
}

// intervals are the certificates of the segment's intervals, proven again if that is asked for.
func (l *lane) intervals(proven bool) (list []contract.Certificate) {
	l.Helper()
	s := stack.Client()
	for day := stack.Daemon.Started.UTC().Truncate(24 * time.Hour); day.Before(time.Now()); day = day.AddDate(0, 0, 1) {
		loads, err := s.Ledger.Day(l.Context(), day.Format(time.DateOnly))
		if err != nil {
			l.Fatal(err)
		}
		for _, load := range loads {
			if load.Interval == nil || load.Status != contract.Published {
				continue
			}
			if proven {
				list = append(list, certified(l.T, load.ID))
				continue
			}
			c, err := stack.Client().Lake.Get(l.Context(), contract.CertificateKey(load.Segment, load.ID))
			var one contract.Certificate
			if err == nil {
				err = json.Unmarshal(c, &one)
			}
			if err != nil {
				l.Fatal(err)
			}
			list = append(list, one)
		}
	}
	return list
}

// check compares the certified intervals with what was answered.
func (l *lane) check() {
	found, repeated := map[int]int{}, int64(0)
	for _, c := range l.intervals(true) {
		repeated += c.Stream.Repeated.Records
		for _, k := range c.Chunks {
			for _, o := range k.Outputs {
				for _, v := range l.values(o.Key) {
					found[v]++
				}
			}
			if k.Quarantine != nil {
				for _, v := range l.rejected(k.Quarantine.Key) {
					found[v]++
				}
			}
		}
	}
	more := 0
	for v, n := range found {
		if n != 1 {
			l.Errorf("record %d is there %d times", v, n)
		}
		if !l.promised[v] {
			more++
		}
	}
	for v := range l.promised {
		if found[v] == 0 {
			l.Errorf("record %d was answered with a success, and is not there", v)
		}
	}
	l.Logf("%d records sent, %d answered with a success, %d others arrived, %d repeats removed, %d functions killed",
		l.asked, len(l.promised), more, repeated, chaos.killed("readings"))
	if repeated == 0 || len(l.promised) < l.asked/2 || chaos.killed("readings") == 0 {
		l.Error("the faults did not happen")
	}
}

// values are the measured values in a Parquet file.
func (l *lane) values(key string) (list []int) {
	data, err := stack.Client().Lake.Get(l.Context(), key)
	if err != nil {
		l.Fatal(err)
	}
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		l.Fatal(err)
	}
	defer r.Close()
	fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		l.Fatal(err)
	}
	table, err := fr.ReadTable(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	defer table.Release()
	for _, a := range table.Column(table.Schema().FieldIndices("value")[0]).Data().Chunks() {
		for i := range a.Len() {
			v, err := strconv.ParseFloat(a.ValueStr(i), 64)
			if err != nil {
				l.Fatal(err)
			}
			list = append(list, int(v))
		}
	}
	return list
}

// rejected are the values of the records of a quarantine that a client sent.
func (l *lane) rejected(key string) (list []int) {
	data, err := stack.Client().Lake.Get(l.Context(), key)
	if err != nil {
		l.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		l.Fatal(err)
	}
	for lines := json.NewDecoder(z); ; {
		var r contract.Rejected
		if err := lines.Decode(&r); err == io.EOF {
			return list
		} else if err != nil {
			l.Fatal(err)
		}
		if _, id, sent := strings.Cut(string(r.Bytes()), `"id":"e2e-`); sent {
			v, err := strconv.Atoi(id[:strings.IndexByte(id, '"')])
			if err != nil {
				l.Fatal(err)
			}
			list = append(list, v)
		}
	}
}
