package gateway

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	get := func(g *Gateway, path string) int {
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		_, _ = io.Copy(io.Discard, w.Body)
		return w.Code
	}
	in(t, &fake{}, func(t *testing.T, g *Gateway) {
		ring := g.Producers.(*Tokens).current.Swap(nil)
		if get(g, "/healthz") != 200 || get(g, "/readyz") != 503 || get(g, "/servingz") != 503 {
			t.Error("a gateway without tokens is healthy, and neither ready nor serving")
		}
		if w, p, _ := do(t, g, request(readings, "{}")); w.Code != 503 || !strings.Contains(p.Detail, "not loaded") {
			t.Errorf("without tokens: %d %s", w.Code, w.Body)
		}
		g.Producers.(*Tokens).current.Store(ring)
		if get(g, "/readyz") != 200 || get(g, "/servingz") != 200 {
			t.Error("a gateway with tokens is ready and serving")
		}
		g.Drain()
		// kube-proxy drops the connections to a node whose only pod is not serving.
		if get(g, "/healthz") != 200 || get(g, "/readyz") != 503 || get(g, "/servingz") != 200 {
			t.Error("a gateway that drains is healthy and serving, and not ready")
		}
		w, p, _ := do(t, g, request(readings, "{}"))
		if w.Code != 503 || !strings.Contains(p.Detail, "shutting down") || w.Header().Get("Connection") != "close" {
			t.Errorf("while draining: %d %s", w.Code, w.Body)
		}
	})
}

func TestMetrics(t *testing.T) {
	f := &fake{next: func(call int) fate {
		return fate{fails: func(i int) (string, bool) { return throttled, call == 0 && i == 0 }}
	}}
	in(t, f, func(t *testing.T, g *Gateway) {
		do(t, g, request(readings, "{}\n{}\n{}"))
		do(t, g, request("/v1/segments/made-up/records", "{}"))
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, want := range []string{
			`dip_gateway_requests_total{segment="readings",code="200"} 1`,
			`dip_gateway_requests_total{segment="",code="403"} 1`,
			`dip_gateway_put_records_total{stream="readings-stream",outcome="accepted"} 3`,
			`dip_gateway_put_records_total{stream="readings-stream",outcome="throttled"} 1`,
			`dip_gateway_retried_records_total{stream="readings-stream"} 1`,
			`dip_gateway_put_batch_records_bucket{le="1"} 1`, `dip_gateway_put_batch_records_bucket{le="5"} 2`,
			`dip_gateway_put_batch_records_bucket{le="+Inf"} 2`, `dip_gateway_put_batch_records_sum 4`,
			`dip_gateway_put_batch_records_count 2`, `dip_gateway_request_seconds_count 2`,
			"# TYPE dip_gateway_buffered_bytes gauge", "dip_gateway_buffered_bytes 0",
		} {
			if !bytes.Contains(w.Body.Bytes(), []byte(want+"\n")) {
				t.Errorf("%q is missing in\n%s", want, w.Body)
			}
		}
	})
}
