package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// streams are the streams of an account.
type streams struct{ client *kinesis.Client }

// Put implements Kinesis. The SDK signs, sends and judges the call; its body is written and read here.
func (s streams) Put(ctx context.Context, stream string, records []*Record) ([]Outcome, error) {
	c := call{stream: stream, records: records}
	defer c.release()
	_, err := s.client.PutRecords(ctx, &kinesis.PutRecordsInput{
		StreamName: &stream, Records: []types.PutRecordsRequestEntry{}, // required; see SerializeRequest
	}, func(o *kinesis.Options) {
		c.ClientProtocol, o.Protocol = o.Protocol, &c
	})
	return c.outcomes, err
}

// call is the protocol of one call of PutRecords, which is most of what the gateway does: it writes the records as
// they are, without the SDK's types and general encoder, and reads only what the gateway uses. All else is the SDK's
// protocol ("PutRecords", Kinesis API Reference; AWS JSON 1.1).
type call struct {
	smithyhttp.ClientProtocol
	stream   string
	records  []*Record
	body     []byte
	outcomes []Outcome
}

// release gives back the body's buffer: the SDK has closed its reader, even where the transport goes on.
func (c *call) release() {
	if c.body != nil {
		retire(c.body)
		c.body = nil
	}
}

// SerializeRequest writes the call's body, whatever the input has.
func (c *call) SerializeRequest(
	_ context.Context, _ *smithy.OperationSchema, _ smithy.Serializable, r *smithyhttp.Request,
) error {
	r.Method = http.MethodPost
	if r.URL.Path == "" {
		r.URL.Path = "/"
	}
	r.Header.Set("X-Amz-Target", "Kinesis_20131202.PutRecords")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if err := c.encode(); err != nil {
		return &smithy.SerializationError{Err: err}
	}
	made, err := r.SetStream(bytes.NewReader(c.body))
	if err != nil {
		return &smithy.SerializationError{Err: err}
	}
	*r = *made
	return nil
}

func (c *call) encode() error {
	stream, err := json.Marshal(c.stream)
	if err != nil {
		return err
	}
	size := len(`{"Records":[],"StreamName":}`) + len(stream)
	for _, r := range c.records {
		size += encodedSize(len(r.id), len(r.line))
	}
	c.body = append(borrow(size), `{"Records":[`...)
	for _, r := range c.records {
		c.body = r.appendEncoded(c.body)
	}
	c.body = append(c.body[:len(c.body)-1], `],"StreamName":`...) // without the last comma
	c.body = append(append(c.body, stream...), '}')
	return nil
}

// mostResults is far more than 500 results have, bytes.
const mostResults = 16 << 20

// answers are buffers for answers, which no call uses.
var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// DeserializeResponse reads the results of the call.
func (c *call) DeserializeResponse(
	ctx context.Context, schema *smithy.OperationSchema, known *smithy.TypeRegistry, r *smithyhttp.Response,
	out smithy.Deserializable,
) error {
	if r.StatusCode != http.StatusOK {
		return c.ClientProtocol.DeserializeResponse(ctx, schema, known, r, out)
	}
	answer := answers.Get().(*bytes.Buffer)
	defer answers.Put(answer)
	answer.Reset()
	if _, err := answer.ReadFrom(io.LimitReader(r.Body, mostResults)); err != nil {
		return &smithy.DeserializationError{Err: err}
	}
	var ok bool
	if c.outcomes, ok = decodeResults(answer.Bytes(), len(c.records)); ok {
		return nil
	}
	r.Body = io.NopCloser(answer) // written in another way than usual
	if err := c.ClientProtocol.DeserializeResponse(ctx, schema, known, r, out); err != nil {
		return err
	}
	c.outcomes = outcomesOf(out.(*kinesis.PutRecordsOutput).Records)
	return nil
}

// outcomesOf is what the results of a call say.
func outcomesOf(results []types.PutRecordsResultEntry) []Outcome {
	outcomes := make([]Outcome, len(results))
	for i, r := range results {
		outcomes[i] = Unavailable
		if r.ErrorCode != nil {
			outcomes[i] = classify(*r.ErrorCode)
		} else if aws.ToString(r.SequenceNumber) != "" {
			outcomes[i] = Accepted
		}
	}
	return outcomes
}
