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
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"dip/contract"
	"dip/internal/gateway"
)

// servers are what is measured: a handler that reads and authenticates; the gateway before a Kinesis that costs
// nothing; the same with calls that are written, signed and read, without a connection.
var servers = []string{"plain", "gateway", "sdk"}

// paced are the servers whose times are measured: a Kinesis that costs nothing does take its time.
var paced = map[string]string{"plain": "plain", "gateway": "slow", "sdk": "sdk"}

// delays are how long the Kinesis of a server takes for a call.
var delays = map[string]time.Duration{"slow": 20 * time.Millisecond, "stalled": time.Hour}

// buffers is what the requests of a gateway may take, bytes: the setting of the environment staging.
const buffers = 256 << 20

const bearer = "a-token-of-the-measurement"

// server serves until its standard input ends. It prints its address, and for each byte of its input the processor time
// so far, nanoseconds, and the most memory that it ever had, bytes.
func server(name string) error {
	if profiles != "" {
		f, err := os.Create(filepath.Join(profiles, fmt.Sprintf("%s-%d.prof", name, os.Getpid())))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	tokens, err := newTokens()
	if err != nil {
		return err
	}
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, p := tokens.Authenticate(r); p != nil {
			w.WriteHeader(p.Status)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
	}))
	if name != "plain" {
		h = newGateway(name, tokens).Handler()
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = (&http.Server{Handler: h, ReadHeaderTimeout: time.Minute}).Serve(l) }()
	fmt.Println(l.Addr())
	for {
		if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
			return nil //nolint:nilerr // the parent has what it wants
		}
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return err
		}
		fmt.Println(u.Utime.Nano()+u.Stime.Nano(), u.Maxrss<<10)
	}
}

var log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))

// newTokens has the measurement's token.
func newTokens() (*gateway.Tokens, error) {
	tokens := &gateway.Tokens{Document: document{}, Log: log}
	go tokens.Watch(context.Background())
	for deadline := time.Now().Add(time.Minute); !tokens.Loaded(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the tokens are not loaded")
		}
	}
	return tokens, nil
}

func newGateway(name string, tokens *gateway.Tokens) *gateway.Gateway {
	var k gateway.Kinesis = sink{delays[name]}
	if name == "sdk" {
		k = gateway.NewKinesis(aws.Config{
			Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			BaseEndpoint: aws.String("http://kinesis"), HTTPClient: &http.Client{Transport: wire{}},
		})
	}
	return gateway.New(contract.Catalog{Segments: map[string]contract.Segment{"readings": {
		Stream: &contract.Stream{Name: "readings"}, Dialect: contract.Dialect{Encoding: contract.NDJSON},
	}}}, k, nil, tokens, buffers, log)
}

// document has the measurement's token.
type document struct{}

func (document) Read(context.Context) ([]byte, error) {
	return fmt.Appendf(nil, `{"producers":{"bench":{"segments":["readings"],"tokens":[{"sha256":"%x"}]}}}`,
		sha256.Sum256([]byte(bearer))), nil
}

// sink is a Kinesis that takes everything after a delay.
type sink struct{ delay time.Duration }

func (s sink) Put(ctx context.Context, _ string, records []*gateway.Record) ([]gateway.Outcome, error) {
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return make([]gateway.Outcome, len(records)), nil // accepted
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
	text := allAccepted[n-1]
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

// allAccepted are the answers that accept 1 to 500 records.
var allAccepted = func() []string {
	const one = `{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898",` +
		`"ShardId":"shardId-000000000000"}`
	list := make([]string, 500)
	for i := range list {
		list[i] = `{"FailedRecordCount":0,"Records":[` + one + strings.Repeat(","+one, i) + `]}`
	}
	return list
}()
