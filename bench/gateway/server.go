package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"dip/contract"
	"dip/internal/gateway"
)

// servers are what is measured: a handler that reads; the gateway before a Kinesis that costs nothing; the same with
// the SDK, which writes, signs and reads the calls, without a connection.
var servers = []string{"plain", "gateway", "sdk"}

const bearer = "a-token-of-the-measurement"

// server serves until its standard input ends. It prints its address, and at the end its processor time in
// nanoseconds.
func server(name string) error {
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
	}))
	if name != "plain" {
		g, err := newGateway(name)
		if err != nil {
			return err
		}
		h = g.Handler()
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = (&http.Server{Handler: h, ReadHeaderTimeout: time.Minute}).Serve(l) }()
	fmt.Println(l.Addr())
	began := used()
	for {
		// Each byte asks for the time used so far.
		if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
			return nil //nolint:nilerr // the parent has what it wants
		}
		fmt.Println(int64(used() - began))
	}
}

// used is the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func newGateway(name string) (*gateway.Gateway, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	tokens := &gateway.Tokens{Document: document{}, Log: log}
	go tokens.Watch(context.Background())
	for deadline := time.Now().Add(time.Minute); !tokens.Loaded(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the tokens are not loaded")
		}
	}
	var k gateway.Kinesis = sink{}
	if name == "sdk" {
		k = gateway.NewKinesis(aws.Config{
			Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			BaseEndpoint: aws.String("http://kinesis"), HTTPClient: &http.Client{Transport: wire{}},
		})
	}
	return gateway.New(contract.Catalog{Segments: map[string]contract.Segment{"readings": {
		Stream: &contract.Stream{Name: "readings"}, Dialect: contract.Dialect{Encoding: contract.NDJSON},
	}}}, k, nil, tokens, 256<<20, log), nil
}

// document has the measurement's token.
type document struct{}

func (document) Read(context.Context) ([]byte, error) {
	return fmt.Appendf(nil, `{"producers":{"bench":{"segments":["readings"],"tokens":[{"sha256":"%x"}]}}}`,
		sha256.Sum256([]byte(bearer))), nil
}

// sink is a Kinesis that takes everything at once.
type sink struct{}

func (sink) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (
	*kinesis.PutRecordsOutput, error,
) {
	out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
	for i := range out.Records {
		out.Records[i].SequenceNumber = aws.String("1")
	}
	return out, nil
}

// wire answers each call with a success.
type wire struct{}

func (wire) RoundTrip(r *http.Request) (*http.Response, error) {
	n, piece := -1, make([]byte, 32<<10) // objects in the body, without the outermost
	for {
		read, err := r.Body.Read(piece)
		if n += bytes.Count(piece[:read], []byte("{")); err == io.EOF { //nolint:errorlint // of a reader in memory
			break
		} else if err != nil {
			return nil, err
		}
	}
	one := `{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898",` +
		`"ShardId":"shardId-000000000000"}`
	text := `{"FailedRecordCount":0,"Records":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}
