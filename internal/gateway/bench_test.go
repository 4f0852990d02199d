package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// sink takes everything at once.
type sink struct{}

func (sink) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (
	*kinesis.PutRecordsOutput, error) {
	out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	for i := range out.Records {
		out.Records[i].SequenceNumber = aws.String("1")
	}
	return out, nil
}

// BenchmarkRequests compares the gateway with a handler that reads a body and does nothing else.
func BenchmarkRequests(b *testing.B) {
	const records = 500
	line := fmt.Sprintf(`{"sensor":"s-17","at":"2026-11-27T12:00:00Z","value":21.5,"note":%q}`, strings.Repeat("x", 900))
	body := strings.Repeat(line+"\n", records)
	g := newGateway(b, &fake{})
	g.Segments["readings"].Kinesis = sink{}
	defer g.Close()
	for name, h := range map[string]http.Handler{
		"plain": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusOK)
		}),
		"gateway": g.Handler(),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.SetParallelism(16)
			server := httptest.NewServer(h)
			defer server.Close()
			b.RunParallel(func(pb *testing.PB) {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for pb.Next() {
					r := request(readings, body)
					post, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+readings, r.Body)
					if err != nil {
						b.Error(err)
						return
					}
					post.Header, post.ContentLength = r.Header, r.ContentLength
					answer, err := client.Do(post)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, answer.Body)
					if answer.Body.Close(); answer.StatusCode != http.StatusOK {
						b.Errorf("%d", answer.StatusCode)
					}
				}
			})
			b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
