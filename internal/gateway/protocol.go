package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"dip/internal/record"
)

// protocol writes and reads the calls of PutRecords, which are most of what the gateway does, without the SDK's general
// encoder: by its own, and only what the gateway sends and uses. All else is the SDK's protocol ("PutRecords", Kinesis
// API Reference; AWS JSON 1.1).
type protocol struct{ smithyhttp.ClientProtocol }

// SerializeRequest writes a call into a buffer of its exact size. The buffer is new for each call: a transport may
// read on after a call that timed out has returned.
func (p protocol) SerializeRequest(
	ctx context.Context, schema *smithy.OperationSchema, in smithy.Serializable, r *smithyhttp.Request,
) error {
	call, ok := in.(*kinesis.PutRecordsInput)
	if !ok || !plain(call) {
		return p.ClientProtocol.SerializeRequest(ctx, schema, in, r)
	}
	r.Method = http.MethodPost
	if r.URL.Path == "" {
		r.URL.Path = "/"
	}
	r.Header.Set("X-Amz-Target", "Kinesis_20131202.PutRecords")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	body, err := encodeCall(call)
	if err != nil {
		return &smithy.SerializationError{Err: err}
	}
	made, err := r.SetStream(bytes.NewReader(body))
	if err != nil {
		return &smithy.SerializationError{Err: err}
	}
	*r = *made
	return nil
}

const (
	beforeData = `{"Data":"`
	beforeKey  = `","PartitionKey":"`
)

// plain tells whether a call has only what encodeCall writes, and no key with characters that JSON escapes.
func plain(call *kinesis.PutRecordsInput) bool {
	if call.StreamName == nil || call.StreamARN != nil || call.StreamId != nil || call.DryRun != nil {
		return false
	}
	for _, r := range call.Records {
		if r.ExplicitHashKey != nil || r.PartitionKey == nil || strings.ContainsFunc(*r.PartitionKey, func(c rune) bool {
			return c < '0' || c > 'z' || c == '\\' || c == '<' || c == '>'
		}) {
			return false
		}
	}
	return true
}

func encodeCall(call *kinesis.PutRecordsInput) ([]byte, error) {
	stream, err := json.Marshal(*call.StreamName)
	if err != nil {
		return nil, err
	}
	size := len(`{"Records":[],"StreamName":}`) + len(stream)
	for _, r := range call.Records {
		size += len(beforeData) + base64.StdEncoding.EncodedLen(len(r.Data)) + len(beforeKey) + len(*r.PartitionKey) +
			len(`"},`)
	}
	body := append(make([]byte, 0, size), `{"Records":[`...)
	for i, r := range call.Records {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendBase64(append(body, beforeData...), r.Data)
		body = append(append(append(body, beforeKey...), *r.PartitionKey...), `"}`...)
	}
	body = append(body, `],"StreamName":`...)
	return append(append(body, stream...), '}'), nil
}

// DeserializeResponse reads the results of a call.
func (p protocol) DeserializeResponse(
	ctx context.Context, schema *smithy.OperationSchema, known *smithy.TypeRegistry, r *smithyhttp.Response,
	out smithy.Deserializable,
) error {
	results, ok := out.(*kinesis.PutRecordsOutput)
	if !ok || r.StatusCode != http.StatusOK {
		return p.ClientProtocol.DeserializeResponse(ctx, schema, known, r, out)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(io.LimitReader(r.Body, mostResults)); err != nil {
		return &smithy.DeserializationError{Err: err}
	}
	if list, ok := decodeResults(text.Bytes()); ok {
		results.Records = list
		return nil
	}
	r.Body = io.NopCloser(&text) // written in another way than usual
	return p.ClientProtocol.DeserializeResponse(ctx, schema, known, r, out)
}

// mostResults is far more than 500 results have, bytes.
const mostResults = 16 << 20

// decodeResults reads an answer as Kinesis writes it: an object whose Records is a list of objects of strings. false:
// it is written in another way.
func decodeResults(answer []byte) ([]types.PutRecordsResultEntry, bool) {
	if record.CheckObject(answer) != nil {
		return nil, false
	}
	records := memberOf(answer, "Records")
	if records == nil || records[0] != '[' {
		return nil, false
	}
	raws, err := cutArray(records, callRecords)
	if err != nil {
		return nil, false
	}
	list := make([]types.PutRecordsResultEntry, len(raws))
	for i, raw := range raws {
		sequence, code := memberOf(raw, "SequenceNumber"), memberOf(raw, "ErrorCode")
		if raw[0] != '{' || !isText(sequence) || !isText(code) {
			return nil, false
		}
		if sequence != nil {
			list[i].SequenceNumber = new(string)
			*list[i].SequenceNumber = string(unquote(sequence))
		}
		if code != nil {
			list[i].ErrorCode = new(string)
			*list[i].ErrorCode = string(unquote(code))
		}
	}
	return list, true
}

// isText tells whether a value is a string, or there is none.
func isText(value []byte) bool { return value == nil || value[0] == '"' }
