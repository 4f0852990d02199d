package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
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

func (e *endpoint) config() aws.Config {
	return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		BaseEndpoint: aws.String("http://kinesis"), HTTPClient: &http.Client{Transport: e}}
}

// sdk puts records as the SDK does, in its own types.
func (e *endpoint) sdk(t *testing.T, stream string, records []*Record) (*kinesis.PutRecordsOutput, error) {
	client := kinesis.NewFromConfig(e.config(), func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })
	in := &kinesis.PutRecordsInput{StreamName: &stream}
	for _, r := range records {
		in.Records = append(in.Records,
			types.PutRecordsRequestEntry{Data: r.Data(), PartitionKey: aws.String(r.PartitionKey())})
	}
	return client.PutRecords(t.Context(), in)
}

// Calls say what the SDK's own say, in the same headers. Lengths of heads and lines have all remainders by 3.
func TestProtocolWritesWhatTheSDKWrites(t *testing.T) {
	for id := range 4 {
		for line := range 9 {
			records := []*Record{
				{id: bytes.Repeat([]byte("i"), 1+id), line: []byte("{\"a\":12}")[:line]},
				{id: bytes.Repeat([]byte("\xff"), maxID-id), line: bytes.Repeat([]byte("\xff\x00 é"), 1000)[line:]},
			}[:1+line%2]
			own, sdk := &endpoint{status: 200, answer: `{"Records":[]}`}, &endpoint{status: 200, answer: `{"Records":[]}`}
			_, err := NewKinesis(own.config()).Put(t.Context(), "readings-1", records)
			_, failed := sdk.sdk(t, "readings-1", records)
			if err = errors.Join(err, failed); err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := errors.Join(json.Unmarshal([]byte(own.sent), &got), json.Unmarshal([]byte(sdk.sent), &want)); err != nil ||
				!reflect.DeepEqual(got, want) {
				t.Errorf("id %d, line %d: %v\n%s, want\n%s", id, line, err, own.sent, sdk.sent)
			}
			for _, h := range []string{"X-Amz-Target", "Content-Type"} {
				if own.header.Get(h) != sdk.header.Get(h) || own.header.Get(h) == "" {
					t.Errorf("%s is %q, want %q", h, own.header.Get(h), sdk.header.Get(h))
				}
			}
			if own.header.Get("Authorization") == "" {
				t.Error("the call is not signed")
			}
			size := len(`{"Records":[],"StreamName":"readings-1"}`) - len(",")
			for _, r := range records {
				size += encodedSize(len(r.id), len(r.line))
			}
			if len(own.sent) != size {
				t.Errorf("id %d, line %d: %d bytes, counted as %d", id, line, len(own.sent), size)
			}
		}
	}
}

// What is read of an answer has the outcomes that the SDK's reading of it has, errors included.
func TestProtocolReadsWhatTheSDKReads(t *testing.T) {
	records := []*Record{{id: []byte("a"), line: []byte("{}")}, {id: []byte("b"), line: []byte("{}")}}
	accepted := `{"SequenceNumber":"495","ShardId":"shardId-0"}`
	for _, c := range []struct {
		status int
		answer string
	}{
		{200, `{"FailedRecordCount":0,"Records":[` + accepted + `,` + accepted + `]}`},
		{200, `{"FailedRecordCount":1,"Records":[` + accepted + `,{"ErrorCode":"InternalFailure","ErrorMessage":"x"}]}`},
		{200, `{"EncryptionType":"KMS","Records":[ ` + accepted + ` , {"ErrorCode":"` + throttled +
			`","ErrorMessage":"Rate \"x\", {]"} ],"FailedRecordCount":1}`},
		{200, `{"Records":[{"ErrorCode":"Internal\u0046ailure"},` + accepted + `]}`},
		{200, `{"Records":[{"SequenceNumber":null,"ShardId":null},` + accepted + `]}`},
		{200, `{"Records":[{"SequenceNumber":""},` + accepted + `]}`},
		{200, `{"Records":[` + accepted + `]}`},
		{200, `{"Records":[` + accepted + `,` + accepted + `,` + accepted + `]}`},
		{200, `{"Records":null}`},
		{200, `{"Records":7}`},
		{200, `{"Records":[1,2]}`},
		{200, `{}`},
		{200, ``},
		{200, `<html>`},
		{200, `{"Records":[` + accepted},
		{200, `{"Records":[` + accepted + `,` + accepted + `]`},
		{400, `{"__type":"ProvisionedThroughputExceededException","message":"slow"}`},
		{500, `{"__type":"InternalFailure"}`},
		{503, `<html>`},
	} {
		told, err := NewKinesis((&endpoint{status: c.status, answer: c.answer}).config()).Put(t.Context(), "s", records)
		out, failed := (&endpoint{status: c.status, answer: c.answer}).sdk(t, "s", records)
		var want []Outcome
		if failed == nil {
			want = outcomesOf(out.Records)
		}
		got := judge(2, told, err)
		var api smithy.APIError
		if want = judge(2, want, failed); !slices.Equal(got, want) || (err == nil) != (failed == nil) ||
			errors.As(err, &api) != errors.As(failed, &api) {
			t.Errorf("%d %s: %v, %v; the SDK says %v, %v", c.status, c.answer, got, err, want, failed)
		}
	}
}

// A record's outcome is its own, and what has neither a sequence number nor an error is not accepted.
func TestOutcomes(t *testing.T) {
	got := outcomesOf([]types.PutRecordsResultEntry{{SequenceNumber: aws.String("495")}, {SequenceNumber: aws.String("")},
		{}, {ErrorCode: aws.String(throttled)}, {ErrorCode: aws.String("InternalFailure"), SequenceNumber: aws.String("1")}})
	if want := []Outcome{Accepted, Unavailable, Unavailable, Throttled, Unavailable}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A call's buffer is not used again before the SDK is done with it, even if the transport keeps the body.
func TestBodiesAreNotShared(t *testing.T) {
	var kept io.ReadCloser
	cfg := (&endpoint{}).config()
	cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		kept = r.Body
		return nil, errDied
	})}
	records := []*Record{{id: []byte("a"), line: []byte("{}")}}
	if _, err := NewKinesis(cfg).Put(t.Context(), "s", records); !errors.Is(err, errDied) {
		t.Fatalf("%v, want %v", err, errDied)
	}
	if data, err := io.ReadAll(kept); len(data) != 0 || err != nil {
		t.Errorf("the body can be read after the call: %q, %v", data, err)
	}
}

var errDied = errors.New("died")

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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
		got, ok := decodeResults(answer, 2)
		if !ok {
			return
		}
		// Characters that JSON wants to be escaped do not matter here.
		clean := bytes.Map(func(c rune) rune {
			if c < ' ' {
				return ' '
			}
			return c
		}, answer)
		var object struct {
			Records []struct{ SequenceNumber, ErrorCode *string }
		}
		var names map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(clean, &object), json.Unmarshal(clean, &names)); err != nil {
			t.Fatalf("%q is read as %v, and is not JSON of this shape: %v", answer, got, err)
		}
		for name := range names {
			if name != "Records" && strings.EqualFold(name, "Records") {
				return // encoding/json takes it for the same
			}
		}
		want := make([]types.PutRecordsResultEntry, len(object.Records))
		for i, r := range object.Records {
			want[i] = types.PutRecordsResultEntry{SequenceNumber: r.SequenceNumber, ErrorCode: r.ErrorCode}
		}
		if !slices.Equal(got, outcomesOf(want)) {
			t.Errorf("%q is read as %v, want %v", answer, got, outcomesOf(want))
		}
	})
}
