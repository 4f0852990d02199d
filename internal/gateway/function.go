package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Signed are the callers of a function with a URL of the type AWS_IAM: Lambda has checked their signatures, and that
// IAM lets them call it. They may send to all segments.
type Signed struct{}

type callerKey struct{}

// Authenticate gives the caller of a request that Function passed on.
func (Signed) Authenticate(r *http.Request) (Producer, *Problem) {
	caller, ok := r.Context().Value(callerKey{}).(string)
	if !ok || caller == "" {
		return Producer{}, problem(http.StatusForbidden, "want a request that is signed for Lambda (AWS_IAM)")
	}
	return Producer{Name: caller, all: true}, nil
}

// Loaded is true: there is nothing to load.
func (Signed) Loaded() bool { return true }

// callerOf is the ARN of who signed, without the name of a session: a producer's retry may come in another one.
func callerOf(e events.LambdaFunctionURLRequest) string {
	if e.RequestContext.Authorizer == nil || e.RequestContext.Authorizer.IAM == nil {
		return ""
	}
	arn := e.RequestContext.Authorizer.IAM.UserARN
	if role, session, ok := strings.Cut(arn, ":assumed-role/"); ok {
		name, _, _ := strings.Cut(session, "/")
		return role + ":assumed-role/" + name
	}
	return arn
}

// Function gives the handler of a Lambda function with a URL: the same handlers as Serve's.
func (g *Gateway) Function() func(context.Context, events.LambdaFunctionURLRequest) (
	events.LambdaFunctionURLResponse, error) {
	h := g.Handler()
	return func(ctx context.Context, e events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
		r, err := requestOf(context.WithValue(ctx, callerKey{}, callerOf(e)), e)
		if err != nil {
			return events.LambdaFunctionURLResponse{}, err
		}
		w := &answer{header: http.Header{}}
		h.ServeHTTP(w, r)
		return w.response(), nil
	}
}

// requestOf is the request that an event stands for.
func requestOf(ctx context.Context, e events.LambdaFunctionURLRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("decode the body: %w", err)
		}
	}
	path, err := url.PathUnescape(e.RawPath)
	if err != nil {
		return nil, fmt.Errorf("decode the path: %w", err)
	}
	r := (&http.Request{
		Method: e.RequestContext.HTTP.Method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL:  &url.URL{Path: path, RawPath: e.RawPath, RawQuery: e.RawQueryString},
		Host: e.RequestContext.DomainName, RemoteAddr: e.RequestContext.HTTP.SourceIP,
		Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}).WithContext(ctx)
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	return r, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(data []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(data)
}

func (a *answer) response() events.LambdaFunctionURLResponse {
	a.WriteHeader(http.StatusOK)
	out := events.LambdaFunctionURLResponse{StatusCode: a.status, Headers: map[string]string{}, Body: a.body.String()}
	for name, values := range a.header {
		out.Headers[name] = strings.Join(values, ", ")
	}
	return out
}
