package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"dip/contract"
)

// newGateway has the producers a, for readings, and b, for the other segments, with the tokens tok-a and tok-b.
func newGateway(t testing.TB, f *fake) *Gateway {
	t.Helper()
	stream := &contract.Stream{Name: "readings-stream"}
	ndjson := contract.Dialect{Encoding: contract.NDJSON}
	ring, err := ParseTokens([]byte(fmt.Sprintf(`{"producers":{
		"a":{"segments":["readings"],"tokens":[{"sha256":%q}]},
		"b":{"segments":["trips","events","gone"],"tokens":[{"sha256":%q}]}}}`, hashOf("tok-a"), hashOf("tok-b"))))
	if err != nil {
		t.Fatal(err)
	}
	tokens := &Tokens{Log: quiet}
	tokens.current.Store(&ring)
	return New(contract.Catalog{Segments: map[string]contract.Segment{
		"readings": {Stream: stream, Dialect: ndjson}, "trips": {Stream: stream}, "events": {Dialect: ndjson},
	}}, f, &landing{}, tokens, 64<<20, quiet)
}

// request is a request with the token of producer a. headers are pairs of a name and a value.
func request(target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer tok-a")
	r.Header.Set("Content-Type", typeNDJSON)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

const readings = "/v1/segments/readings/records"

// do gives the answer to a request, whatever its shape.
func do(t testing.TB, g *Gateway, r *http.Request) (*httptest.ResponseRecorder, Problem, Answer) {
	t.Helper()
	w := httptest.NewRecorder()
	g.Handler().ServeHTTP(w, r)
	var p Problem
	var a Answer
	kind := w.Header().Get("Content-Type")
	switch {
	case w.Code >= 400 && (kind != "application/problem+json" || json.Unmarshal(w.Body.Bytes(), &p) != nil ||
		p.Status != w.Code || p.Title == "" || p.Detail == ""):
		t.Errorf("%d is no problem: %s %s", w.Code, kind, w.Body)
	case w.Code < 300 && r.Method == http.MethodPost && (kind != typeJSON || json.Unmarshal(w.Body.Bytes(), &a) != nil):
		t.Errorf("%d is no answer: %s %s", w.Code, kind, w.Body)
	}
	checkDocumented(t, r, w)
	if retry := w.Header().Get("Retry-After") != ""; w.Code >= 400 && retry != retryable(w.Code) {
		t.Errorf("%d has Retry-After: %t", w.Code, retry)
	}
	return w, p, a
}

// in runs a test with a gateway in a bubble, and checks that it gives its memory back.
func in(t *testing.T, f *fake, test func(t *testing.T, g *Gateway)) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, f)
		test(t, g)
		if held := g.Budget.Held(); held != 0 {
			t.Errorf("%d bytes are held at the end", held)
		}
		g.Close()
	})
}

func TestRecordsAreAccepted(t *testing.T) {
	for _, c := range []struct {
		name, body string
		headers    []string
		want       []string
	}{
		{"lines", "{\"a\":1}\n\n{\"a\":2}", nil, []string{`{"a":1}`, `{"a":2}`}},
		{"array", "[{\"a\":1},\n{\"a\":\n2}]", []string{"Content-Type", typeJSON}, []string{`{"a":1}`, `{"a":2}`}},
		{"carriage returns", "{\"a\":\r1}\r\n{\r}", nil, []string{`{"a":1}`, `{}`}},
		{"gzip", string(compress(t, "gzip", []byte(`{"a":1}`))), []string{"Content-Encoding", "gzip"}, []string{`{"a":1}`}},
		{"zstd", string(compress(t, "zstd", []byte(`[{"a":1}]`))),
			[]string{"Content-Encoding", "zstd", "Content-Type", typeJSON}, []string{`{"a":1}`}},
	} {
		f := &fake{}
		in(t, f, func(t *testing.T, g *Gateway) {
			w, _, a := do(t, g, request(readings, c.body, c.headers...))
			if w.Code != http.StatusOK || a.Accepted != len(c.want) || a.Records != len(c.want) || a.Results != nil {
				t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
			}
		})
		var got []string
		for _, line := range f.data {
			got = append(got, line)
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: the stream has %q", c.name, got)
		}
	}
}

func TestRequestsAreRefused(t *testing.T) {
	other := []string{"Authorization", "Bearer tok-b"}
	for _, c := range []struct {
		name    string
		request *http.Request
		status  int
		detail  string
	}{
		{"no token", request(readings, "{}", "Authorization", ""), 401, "want the header Authorization"},
		{"unknown token", request(readings, "{}", "Authorization", "Bearer x"), 401, "unknown"},
		{"foreign segment", request("/v1/segments/trips/records", "{}"), 403, `producer "a" may not send`},
		{"unknown and foreign segment", request("/v1/segments/x/records", "{}"), 403, `producer "a" may not send`},
		{"unknown segment", request("/v1/segments/gone/records", "{}", other...), 404, "unknown segment"},
		{"segment of files", request("/v1/segments/events/records", "{}", other...), 404, "arrive as files"},
		{"segment of CSV", request("/v1/segments/trips/records", "{}", other...), 404, "not JSON"},
		{"content type", request(readings, "{}", "Content-Type", "text/plain"), 415, "Content-Type"},
		{"encoding", request(readings, "{}", "Content-Encoding", "br"), 415, "Content-Encoding"},
		{"truncated gzip", request(readings, "\x1f\x8b\x08", "Content-Encoding", "gzip"), 400, "decompress"},
		{"length", request(readings, strings.Repeat(" ", 16<<20+1)), 413, "more than 16777216 bytes"},
		{"count", request(readings, strings.Repeat("{}\n", 10_001)), 413, "more than 10000 records"},
		{"nothing", request(readings, ""), 400, "no records"},
		{"no array", request(readings, "{}", "Content-Type", typeJSON), 400, "not a JSON array"},
		{"key", request(readings, "{}", "Idempotency-Key", "a b"), 400, "Idempotency-Key"},
		{"all records", request(readings, "1\n2"), 400, "none of 2 records"},
		{"path", request("/v2", "{}"), 404, "unknown path"},
		{"method", httptest.NewRequest(http.MethodPut, readings, nil), 405, "PUT: want POST"},
		{"method of health", httptest.NewRequest(http.MethodPost, "/healthz", nil), 405, "POST: want GET"},
	} {
		f := &fake{}
		in(t, f, func(t *testing.T, g *Gateway) {
			w, p, _ := do(t, g, c.request)
			if w.Code != c.status || !strings.Contains(p.Detail, c.detail) {
				t.Errorf("%s: %d %s, want %d with %q", c.name, w.Code, w.Body, c.status, c.detail)
			}
			if strings.Contains(w.Body.String(), "tok-") {
				t.Errorf("%s: the answer quotes a token: %s", c.name, w.Body)
			}
			if w.Code == 405 && w.Header().Get("Allow") == "" {
				t.Errorf("%s: no Allow", c.name)
			}
		})
		if len(f.calls) > 0 {
			t.Errorf("%s: records were put", c.name)
		}
	}
}

// Each record that is not accepted has a result of its own.
func TestResultsAreOfSingleRecords(t *testing.T) {
	f := &fake{next: func(int) fate {
		return fate{fails: func(i int) (string, bool) { return throttled, i == 0 }}
	}}
	in(t, f, func(t *testing.T, g *Gateway) {
		long := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
		body := "{\"a\":1}\nnull\n{\"a\":2}\n" + long + "\n{\"a\":"
		w, _, a := do(t, g, request(readings, body))
		var got []string
		for _, r := range a.Results {
			got = append(got, fmt.Sprint(r.Index, " ", r.Status))
		}
		want := []string{"0 429", "1 400", "3 413", "4 400"}
		if w.Code != http.StatusMultiStatus || a.Records != 5 || a.Accepted != 1 || !slices.Equal(got, want) ||
			w.Header().Get("Retry-After") == "" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	if want := []string{`{"a":2}`}; len(f.data) != 1 || !slices.Contains(want, first(f.data)) {
		t.Errorf("the stream has %q", f.data)
	}
}

func first(m map[string]string) string {
	for _, v := range m {
		return v
	}
	return ""
}

// What Kinesis does not take is no success, and says whether to come back.
func TestAnswersOfKinesis(t *testing.T) {
	for name, c := range map[string]struct {
		fate   fate
		status int
		reason string
	}{
		"throttled": {fate{err: &types.ProvisionedThroughputExceededException{}}, 429, "takes no more records now"},
		"stalled":   {fate{stall: time.Hour}, 503, "did not confirm"},
		"lost":      {fate{lost: true}, 503, "did not confirm"},
		"denied":    {fate{err: &types.AccessDeniedException{}}, 503, "its log says why"},
	} {
		in(t, &fake{next: func(int) fate { return c.fate }}, func(t *testing.T, g *Gateway) {
			w, p, _ := do(t, g, request(readings, "{}\n{}"))
			if w.Code != c.status || len(p.Results) != 2 || !strings.Contains(p.Results[1].Reason, c.reason) ||
				p.Results[1].Index != 1 || p.Results[1].Status != c.status {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		})
	}
}

// While Kinesis stalls, memory is bounded: what does not fit is told to come back.
func TestMemoryIsBounded(t *testing.T) {
	f := &fake{next: func(int) fate { return fate{stall: time.Hour} }}
	in(t, f, func(t *testing.T, g *Gateway) {
		body := strings.Repeat(`{"a":"`+strings.Repeat("x", 1000)+"\"}\n", 2000)
		var requests sync.WaitGroup
		var mu sync.Mutex
		codes := map[int]int{}
		for range 50 {
			requests.Go(func() {
				w, _, _ := do(t, g, request(readings, body))
				mu.Lock()
				defer mu.Unlock()
				codes[w.Code]++
			})
		}
		synctest.Wait()
		if held := g.Budget.Held(); held > 64<<20 || held < 8<<20 {
			t.Errorf("%d bytes are held", held)
		}
		mu.Lock()
		early := codes[http.StatusTooManyRequests]
		mu.Unlock()
		requests.Wait()
		if early == 0 || codes[200] > 0 || codes[429]+codes[503] != 50 {
			t.Errorf("%d were refused at once; codes %v", early, codes)
		}
	})
}

// Records need memory besides the body that they came in: their ids, what is kept of each, and their part of a call.
func TestRecordsAreCounted(t *testing.T) {
	enough := int64(4<<10 + 4<<10 + 3*(overhead+encodedSize(newNaming("a", "", "").longest(nil), 2)*5/4))
	for most, want := range map[int64]int{enough - 1: http.StatusTooManyRequests, enough: http.StatusOK} {
		in(t, &fake{}, func(t *testing.T, g *Gateway) {
			g.Budget = NewBudget(most)
			if w, _, _ := do(t, g, request(readings, "{}\n{}\n{}\n")); w.Code != want {
				t.Errorf("%d bytes: %d %s", most, w.Code, w.Body)
			}
		})
	}
}
