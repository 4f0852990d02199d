package gateway

import (
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-lambda-go/events"
)

// event is a request as Lambda passes it on to a function with a URL.
func event(t testing.TB, r *http.Request, caller string) events.LambdaFunctionURLRequest {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	e := events.LambdaFunctionURLRequest{Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{}, Body: base64.StdEncoding.EncodeToString(body), IsBase64Encoded: true}
	if r.Header.Get("Content-Encoding") == "" { // text comes as it is
		e.Body, e.IsBase64Encoded = string(body), false
	}
	for name := range r.Header {
		e.Headers[strings.ToLower(name)] = strings.Join(r.Header.Values(name), ",")
	}
	e.RequestContext.HTTP.Method = r.Method
	if caller != "" {
		e.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
			IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: caller}}
	}
	return e
}

// anybody is a producer that may send to all segments, whoever asks.
type anybody struct{ Signed }

func (anybody) Authenticate(*http.Request) (Producer, *Problem) {
	return Producer{Name: "p", all: true}, nil
}

// The function answers as the server does, status, headers and body.
func TestFunctionAnswersAsTheServer(t *testing.T) {
	for name, make := range map[string]func() *http.Request{
		"lines":           func() *http.Request { return request(readings, "{\"a\":1}\n{\"a\":2}\n") },
		"some are bad":    func() *http.Request { return request(readings, "{\"a\":1}\nnull\n") },
		"all are bad":     func() *http.Request { return request(readings, "null\n") },
		"an id":           func() *http.Request { return request(readings+"?id=a%20b", `{"a b":"\u00e9"}`) },
		"array":           func() *http.Request { return request(readings, `[{}]`, "Content-Type", typeJSON) },
		"unknown":         func() *http.Request { return request("/v1/segments/none/records", "{}") },
		"escaped":         func() *http.Request { return request("/v1/segments/a%2Fb/records", "{}") },
		"content type":    func() *http.Request { return request(readings, "{}", "Content-Type", "text/plain") },
		"empty":           func() *http.Request { return request(readings, "") },
		"unknown path":    func() *http.Request { return request("/v2/x", "{}") },
		"wrong method":    func() *http.Request { return httptest.NewRequest(http.MethodDelete, readings, nil) },
		"health":          func() *http.Request { return httptest.NewRequest(http.MethodGet, "/healthz", nil) },
		"readiness":       func() *http.Request { return httptest.NewRequest(http.MethodGet, "/readyz", nil) },
		"the description": func() *http.Request { return httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil) },
		"gzip": func() *http.Request {
			return request(readings, string(compress(t, "gzip", []byte("{}"))), "Content-Encoding", "gzip")
		},
		"key": func() *http.Request { return request(readings, "{}", "Idempotency-Key", "k1") },
	} {
		in(t, &fake{}, func(t *testing.T, g *Gateway) {
			g.Producers = anybody{}
			server := httptest.NewRecorder()
			g.Handler().ServeHTTP(server, make())
			got, err := g.Function()(t.Context(), event(t, make(), "arn"))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := map[string]string{}
			for key := range server.Header() {
				want[key] = strings.Join(server.Header().Values(key), ", ")
			}
			if got.StatusCode != server.Code || got.Body != server.Body.String() || !maps.Equal(got.Headers, want) ||
				got.IsBase64Encoded {
				t.Errorf("%s: %d %v %s, the server answers %d %v %s", name, got.StatusCode, got.Headers, got.Body, server.Code,
					want, server.Body)
			}
		})
	}
}

// Lambda says who calls. Nobody else is let in, whatever the headers say.
func TestFunctionKnowsItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		g := newGateway(t, f)
		g.Producers = Signed{}
		send := func(caller string) int {
			r := request(readings, "{}", "Idempotency-Key", "k")
			answer, err := g.Function()(t.Context(), event(t, r, caller))
			if err != nil {
				t.Fatal(err)
			}
			return answer.StatusCode
		}
		for caller, want := range map[string]int{
			"": http.StatusForbidden, "arn:aws:iam::111122223333:user/a": http.StatusOK,
			"arn:aws:sts::111122223333:assumed-role/r/session-1": http.StatusOK,
			"arn:aws:sts::111122223333:assumed-role/r/session-2": http.StatusOK,
		} {
			if got := send(caller); got != want {
				t.Errorf("%q: %d, want %d", caller, got, want)
			}
		}
		g.Close()
		if len(f.ids) != 2 {
			t.Errorf("two sessions of a role are two producers: the ids are %v", slices.Collect(maps.Keys(f.ids)))
		}
	})
}

func TestFunctionRefusesBrokenEvents(t *testing.T) {
	in(t, &fake{}, func(t *testing.T, g *Gateway) {
		for _, e := range []events.LambdaFunctionURLRequest{{RawPath: "/%zz"}, {Body: "!", IsBase64Encoded: true}} {
			if _, err := g.Function()(context.Background(), e); err == nil {
				t.Errorf("%+v is a request", e)
			}
		}
	})
}

// No event makes the function fail.
func FuzzFunction(f *testing.F) {
	f.Add("POST", "/v1/segments/readings/records", "id=a", "application/json", []byte("[{}]"), true)
	f.Add("GET", "/readyz", "", "", []byte{}, false)
	f.Fuzz(func(t *testing.T, method, path, query, kind string, body []byte, encoded bool) {
		e := events.LambdaFunctionURLRequest{RawPath: path, RawQueryString: query, Body: string(body),
			Headers: map[string]string{"content-type": kind}, IsBase64Encoded: encoded}
		e.RequestContext.HTTP.Method = method
		g := newGateway(t, &fake{})
		defer g.Close()
		g.Producers = anybody{}
		answer, err := g.Function()(t.Context(), e)
		if err == nil && (answer.StatusCode < 200 || answer.StatusCode > 599) {
			t.Errorf("%+v: %d", e, answer.StatusCode)
		}
	})
}
