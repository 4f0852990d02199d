package docs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"dip/internal/interval"
)

// Kinesis is the part of kinesis.Client that puts records.
type Kinesis interface {
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
}

// put sends records, one JSON object each, by their ids: at most 500 and 5 MB. It returns those that Kinesis has not
// confirmed. Send them again under the same ids; after an error, all of them.
func put(ctx context.Context, client Kinesis, stream string, records map[string][]byte) (map[string][]byte, error) {
	var entries []types.PutRecordsRequestEntry
	var ids []string
	for id, record := range records {
		key := sha256.Sum256([]byte(id)) // spreads the records; repeats meet in one shard
		entries = append(entries, types.PutRecordsRequestEntry{
			PartitionKey: aws.String(hex.EncodeToString(key[:8])),
			Data:         append([]byte("\x00dip id "+id+"\n"), record...),
		})
		ids = append(ids, id)
	}
	out, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &stream, Records: entries})
	if err != nil {
		return records, err
	}
	left := map[string][]byte{}
	for i, result := range out.Records {
		if result.ErrorCode != nil {
			left[ids[i]] = records[ids[i]]
		}
	}
	return left, nil
}

// half confirms what has an even number of bytes.
type half struct{ got map[string]string }

func (h half) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (
	*kinesis.PutRecordsOutput, error) {
	out := &kinesis.PutRecordsOutput{}
	for _, r := range in.Records {
		m := interval.Parse(r.Data, 0)
		var e types.PutRecordsResultEntry
		if len(m.Record)%2 == 1 {
			e.ErrorCode = aws.String("ProvisionedThroughputExceededException")
		} else {
			h.got[m.ID] = string(m.Record)
		}
		out.Records = append(out.Records, e)
	}
	return out, nil
}

// What the page shows compiles, and is read by the lane as the page says.
func TestTheExampleOfAProducer(t *testing.T) {
	h := half{map[string]string{}}
	left, err := put(t.Context(), h, "s", map[string][]byte{"a": []byte(`{"v":1}`), "b": []byte(`{"v":22}`)})
	if err != nil || len(left) != 1 || string(left["a"]) != `{"v":1}` || fmt.Sprint(h.got) != `map[b:{"v":22}]` {
		t.Errorf("left %q, got %v, %v", left, h.got, err)
	}
	source, err := os.ReadFile("produce_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "// put sends")
	code, _, _ = strings.Cut("// put sends"+code, "\n// half confirms")
	page, err := os.ReadFile("incremental.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "```go\n" + strings.TrimSpace(code) + "\n```\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/incremental.md does not show the example as it is compiled:\n%s", want)
	}
}
