package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

// endpoint answers each call with a text, and keeps what was sent.
type endpoint struct {
	status int
	answer string
	sent   string
	header http.Header
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	e.sent, e.header = string(body), r.Header
	return &http.Response{StatusCode: e.status, Request: r, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(e.answer))}, errors.Join(err, r.Body.Close())
}

// call makes a call with the gateway's client, or the SDK's.
func (e *endpoint) call(t *testing.T, own bool, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		BaseEndpoint: aws.String("http://kinesis"), HTTPClient: &http.Client{Transport: e}}
	client := NewKinesis(cfg)
	if !own {
		client = kinesis.NewFromConfig(cfg, func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })
	}
	return client.PutRecords(t.Context(), in)
}

// Calls say what the SDK's own say, in the same headers.
func TestProtocolWritesWhatTheSDKWrites(t *testing.T) {
	entry := func(data, key string) types.PutRecordsRequestEntry {
		return types.PutRecordsRequestEntry{Data: []byte(data), PartitionKey: &key}
	}
	for name, in := range map[string]*kinesis.PutRecordsInput{
		"records": {StreamName: aws.String("readings-1"), Records: []types.PutRecordsRequestEntry{
			entry("\x00dip id a\n{}", "0123456789abcdef"), entry(strings.Repeat("\xff\x00 é", 1000), "f")}},
		"a key to escape": {StreamName: aws.String("s"),
			Records: []types.PutRecordsRequestEntry{entry("x", "\"é\\\n<")}},
		"a dry run": {StreamName: aws.String("s"), DryRun: aws.Bool(true),
			Records: []types.PutRecordsRequestEntry{entry("x", "k")}},
		"a stream's ARN": {StreamARN: aws.String("arn:aws:kinesis:us-east-1:1:stream/s"),
			Records: []types.PutRecordsRequestEntry{entry("x", "k")}},
		"an explicit hash": {StreamName: aws.String("s"), Records: []types.PutRecordsRequestEntry{
			{Data: []byte("x"), PartitionKey: aws.String("k"), ExplicitHashKey: aws.String("7")}}},
	} {
		own, sdk := &endpoint{status: 200, answer: `{"Records":[]}`}, &endpoint{status: 200, answer: `{"Records":[]}`}
		_, err := own.call(t, true, in)
		_, failed := sdk.call(t, false, in)
		if err = errors.Join(err, failed); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got, want any
		if err := errors.Join(json.Unmarshal([]byte(own.sent), &got), json.Unmarshal([]byte(sdk.sent), &want)); err != nil ||
			!reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n%s, want\n%s", name, err, own.sent, sdk.sent)
		}
		for _, h := range []string{"X-Amz-Target", "Content-Type"} {
			if own.header.Get(h) != sdk.header.Get(h) || own.header.Get(h) == "" {
				t.Errorf("%s: %s is %q, want %q", name, h, own.header.Get(h), sdk.header.Get(h))
			}
		}
		if own.header.Get("Authorization") == "" {
			t.Errorf("%s: it is not signed", name)
		}
	}
}

// What is read of an answer has the outcomes that the SDK's reading of it has, errors included.
func TestProtocolReadsWhatTheSDKReads(t *testing.T) {
	in := &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: make([]types.PutRecordsRequestEntry, 2)}
	for i := range in.Records {
		in.Records[i] = types.PutRecordsRequestEntry{Data: []byte("x"), PartitionKey: aws.String("k")}
	}
	accepted := `{"SequenceNumber":"495","ShardId":"shardId-0"}`
	for _, c := range []struct {
		status int
		answer string
	}{
		{200, `{"FailedRecordCount":0,"Records":[` + accepted + `,` + accepted + `]}`},
		{200, `{"EncryptionType":"KMS","Records":[ ` + accepted + ` , {"ErrorCode":"` + throttled +
			`","ErrorMessage":"Rate \"x\", {]"} ],"FailedRecordCount":1}`},
		{200, `{"Records":[{"ErrorCode":"Internal\u0046ailure"},` + accepted + `]}`},
		{200, `{"Records":[{"SequenceNumber":null,"ShardId":null},` + accepted + `]}`},
		{200, `{"Records":[` + accepted + `]}`},
		{200, `{"Records":null}`},
		{200, `{"Records":7}`},
		{200, `{"Records":[1,2]}`},
		{200, `{}`},
		{200, ``},
		{200, `<html>`},
		{200, `{"Records":[` + accepted},
		{400, `{"__type":"ProvisionedThroughputExceededException","message":"slow"}`},
		{500, `{"__type":"InternalFailure"}`},
		{503, `<html>`},
	} {
		var got, want []Outcome
		out, err := (&endpoint{status: c.status, answer: c.answer}).call(t, true, in)
		got = judge(2, out, err)
		out, failed := (&endpoint{status: c.status, answer: c.answer}).call(t, false, in)
		want = judge(2, out, failed)
		var api smithy.APIError
		if !reflect.DeepEqual(got, want) || (err == nil) != (failed == nil) ||
			errors.As(err, &api) != errors.As(failed, &api) {
			t.Errorf("%d %s: %v, %v; the SDK says %v, %v", c.status, c.answer, got, err, want, failed)
		}
	}
}

func FuzzBase64(f *testing.F) {
	for n := range 20 {
		f.Add(bytes.Repeat([]byte{0xfb, 0xff, 0x00}, n)[:n], n)
	}
	f.Fuzz(func(t *testing.T, data []byte, room int) {
		to := append(make([]byte, 0, 3+max(0, min(room, 1000))), "abc"...)
		if got, want := string(appendBase64(to, data)), "abc"+base64.StdEncoding.EncodeToString(data); got != want {
			t.Errorf("%x: %s, want %s", data, got, want)
		}
	})
}

// No answer of Kinesis, whatever it is, makes the gateway fail.
func FuzzResults(f *testing.F) {
	f.Add([]byte(`{"Records":[{"SequenceNumber":"1"},{"ErrorCode":"x"}]}`))
	f.Add([]byte(`{"Records":[{"SequenceNumber":"\ud83d\ude00"}],"Records":[]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		list, ok := decodeResults(answer)
		if !ok {
			return
		}
		var object map[string]json.RawMessage
		var want []map[string]any
		if err := errors.Join(json.Unmarshal(answer, &object), json.Unmarshal(object["Records"], &want)); err != nil ||
			len(want) != len(list) && len(list) < callRecords {
			t.Fatalf("%q is read as %d records, and is not JSON of this shape: %v", answer, len(list), err)
		}
		for i, r := range list {
			if s, ok := want[i]["SequenceNumber"]; ok && s != aws.ToString(r.SequenceNumber) {
				t.Errorf("%q: record %d has sequence number %q, want %q", answer, i, aws.ToString(r.SequenceNumber), s)
			}
		}
	})
}
