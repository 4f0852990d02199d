package scenarios

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"dip/tools/lab/balancer"
)

// Senders retry what is answered 429 or 503, with the same records, and keep what was promised. Anything else is a
// failure, a broken connection above all: nothing retries it in secret.
func TestSenders(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []string // status and results; "": the connection breaks
		want    map[int]int
		kept    int // records that were promised
		failure string
	}{
		{"success", []string{"200"}, map[int]int{200: 1}, 5, ""},
		{"throttled, draining", []string{"429", "503", "200"}, map[int]int{429: 1, 503: 1, 200: 1}, 5, ""},
		{"a part is throttled", []string{`207 [{"index":1,"status":429},{"index":4,"status":503}]`, "200"},
			map[int]int{207: 1, 200: 1}, 5, ""},
		{"broken", []string{"", "200"}, map[int]int{0: 1}, 0, "EOF"},
		{"refused", []string{"400", "200"}, map[int]int{400: 1}, 0, "status 400"},
		{"a record is refused", []string{`207 [{"index":1,"status":400}]`, "200"}, map[int]int{207: 1}, 4, "status 207"},
		{"an error", []string{"500", "200"}, map[int]int{500: 1}, 0, "status 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var bodies []string
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Header.Get("Authorization") != "Bearer token" {
					t.Errorf("%v, %v", err, r.Header)
				}
				text := "200" // to the request that opens the connection
				if len(bodies) > 0 {
					text = c.answers[len(bodies)-1]
				}
				bodies = append(bodies, string(body))
				if text == "" {
					panic(http.ErrAbortHandler)
				}
				status, results, _ := strings.Cut(text, " ")
				code, err := strconv.Atoi(status)
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(code)
				_, _ = fmt.Fprintf(w, `{"results":%s}`, cmp.Or(results, "[]"))
			}))
			defer server.Close()
			ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
			s := newSenders("https://example.com", "readings", "token", // a name of the server's certificate
				&balancer.Balancer{Address: server.Listener.Addr().String(), CA: ca})
			client := s.client(true)
			s.deliver(t.Context(), client)
			s.take()
			s.promised = map[int]bool{}
			s.deliver(t.Context(), client)
			if got := s.take(); !maps.Equal(got.answers, c.want) || len(s.promised) != c.kept {
				t.Errorf("answers %v, %d records promised; want %v, %d", got.answers, len(s.promised), c.want, c.kept)
			}
			if err := s.err(); err == nil != (c.failure == "") || err != nil && !strings.Contains(err.Error(), c.failure) {
				t.Errorf("failures %v, want %q", err, c.failure)
			}
			for _, body := range bodies[1:] {
				if body != bodies[1] || body == bodies[0] {
					t.Errorf("sent again with other records: %q", bodies)
				}
			}
		})
	}
}

func TestValueOf(t *testing.T) {
	if v, err := valueOf([]byte(`x{"id":"lab-17","value":3}`)); v != 17 || err != nil {
		t.Error(v, err)
	}
	for _, bad := range []string{"", `{"id":"17"}`, `{"id":"lab-x"}`, `{"id":"lab-1`} {
		if _, err := valueOf([]byte(bad)); err == nil {
			t.Errorf("%q has a value", bad)
		}
	}
}
