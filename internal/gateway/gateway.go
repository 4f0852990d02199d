// Package gateway takes records over HTTP and puts them into the streams of their segments. A record is answered with
// a success only after Kinesis has it. Each travels with an id, so that the consumer removes the repeats that follow
// from a lost reply.
package gateway

import (
	"bytes"
	_ "embed" // the API's description
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dip/contract"
)

// Producers tells who sends a request.
type Producers interface {
	// Authenticate gives the producer; the problem says why it is unknown.
	Authenticate(*http.Request) (Producer, *Problem)
	// Loaded says whether it can.
	Loaded() bool
}

// Gateway is the HTTP API. Its fields do not change after Handler.
type Gateway struct {
	Segments  map[string]*Writer // those that take JSON records by stream
	Others    map[string]string  // why other segments of the stack take none
	Landing   Landing
	Producers Producers
	Limits    Limits
	Budget    *Budget
	Replays   *Replays
	Metrics   *Metrics
	Log       *slog.Logger

	draining atomic.Bool
}

// New makes the gateway of a catalog's segments.
func New(c contract.Catalog, k Kinesis, l Landing, p Producers, bufferBytes int64, log *slog.Logger) *Gateway {
	g := &Gateway{
		Segments: map[string]*Writer{}, Others: map[string]string{}, Landing: l, Producers: p, Limits: DefaultLimits,
		Budget: NewBudget(bufferBytes), Replays: NewReplays(rememberedKeys), Metrics: NewMetrics(), Log: log,
	}
	for name, s := range c.Segments {
		switch {
		case s.Stream == nil:
			g.Others[name] = asFiles
		case s.Dialect.Encoding != contract.NDJSON:
			g.Others[name] = "its records are not JSON: put them into its stream with the AWS SDK"
		default:
			g.Segments[name] = &Writer{Stream: s.Stream.Name, Kinesis: k, Metrics: g.Metrics, Log: log}
		}
	}
	return g
}

// asFiles is why a segment takes no records, but whole loads.
const asFiles = "its records arrive as files"

// Drain makes the gateway refuse new requests, and report that it is not ready. Those that it has are answered.
func (g *Gateway) Drain() { g.draining.Store(true) }

// Close waits until all records have their outcome. No request may follow, or be in flight.
func (g *Gateway) Close() {
	for _, w := range g.Segments {
		w.Close()
	}
}

// openAPI describes the API, as OpenAPI 3.1.
//
//go:embed openapi.json
var openAPI string

// route is an operation of the API.
type route struct {
	method, path string
	handle       http.HandlerFunc
}

func (g *Gateway) routes() []route {
	return []route{
		{http.MethodPost, "/v1/segments/{segment}/records", g.records},
		{http.MethodPut, "/v1/segments/{segment}/loads/{name}", g.beginLoad},
		{http.MethodPost, "/v1/segments/{segment}/loads/{name}", g.completeLoad},
		{http.MethodGet, "/v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) { write(w, typeJSON, openAPI) }},
		{http.MethodGet, "/healthz", func(w http.ResponseWriter, _ *http.Request) { write(w, typePlain, "ok\n") }},
		{http.MethodGet, "/readyz", g.ready},
		{http.MethodGet, "/servingz", g.serving},
		{http.MethodGet, "/metrics", func(w http.ResponseWriter, _ *http.Request) {
			write(w, typePlain, string(g.Metrics.Text(g.Budget.Held())))
		}},
	}
}

// Handler gives the API's handler.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	allowed := map[string]string{} // methods, by path
	for _, r := range g.routes() {
		mux.HandleFunc(r.method+" "+r.path, r.handle)
		allowed[r.path] = strings.TrimPrefix(allowed[r.path]+", "+r.method, ", ")
	}
	for path, methods := range allowed {
		mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
			problem(http.StatusMethodNotAllowed, "%.20s: want %s", q.Method, methods).with("Allow", methods).write(w)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(http.StatusNotFound, "unknown path %.200q", r.URL.Path).write(w)
	})
	return mux
}

// typePlain is also the type of Prometheus' text format.
const typePlain = "text/plain; version=0.0.4; charset=utf-8"

func write(w http.ResponseWriter, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write([]byte(text)) // the client is gone
}

// ready says whether new requests should come here: load balancers ask it.
func (g *Gateway) ready(w http.ResponseWriter, r *http.Request) {
	if g.draining.Load() {
		drained().write(w)
		return
	}
	g.serving(w, r)
}

// serving says whether requests are answered here at all, those included that still come while the gateway drains:
// kubelets ask it. With /readyz in its place, kube-proxy would drop the connections that load balancers still make
// until they notice.
func (g *Gateway) serving(w http.ResponseWriter, _ *http.Request) {
	if !g.Producers.Loaded() {
		problem(http.StatusServiceUnavailable, "the tokens are not loaded yet").write(w)
		return
	}
	write(w, typePlain, "ok\n")
}

// drained answers while the gateway drains. The client's next connection goes to another one.
func drained() *Problem {
	return problem(http.StatusServiceUnavailable, "this gateway is shutting down: try again").with("Connection", "close")
}

// records handles POST /v1/segments/{segment}/records.
func (g *Gateway) records(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	label := r.PathValue("segment")
	if g.Segments[label] == nil {
		label = "" // clients do not make labels up
	}
	hold := g.begin()
	defer hold.end()
	answer, p := g.take(r, hold)
	status := statusOf(answer.Records, answer.Results)
	switch {
	case p != nil:
		status = p.Status
		p.write(w)
	case len(answer.Results) == 0:
		succeed(w, answer.Records)
	default:
		if slices.ContainsFunc(answer.Results, func(r Result) bool { return retryable(r.Status) }) {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		}
		respond(w, status, typeJSON, answer)
	}
	g.Metrics.answered(label, status, time.Since(began))
}

// work is what one request holds. Later ones use its lists again.
type work struct {
	lease
	raws    [][]byte
	records []Record
}

var works = sync.Pool{New: func() any { return new(work) }}

func (g *Gateway) begin() *work {
	w := works.Get().(*work)
	w.from = g.Budget
	return w
}

// end gives back all that a request holds. Nothing may use it afterwards.
func (w *work) end() {
	clear(w.raws) // they keep no body
	clear(w.records)
	w.raws, w.records = w.raws[:0], w.records[:0]
	w.free()
	works.Put(w)
}

// take puts the records of a request into their stream. The problem says why none was accepted.
func (g *Gateway) take(r *http.Request, hold *work) (Answer, *Problem) {
	producer, writer, p := g.admit(r)
	if p != nil {
		return Answer{}, p
	}
	m, p := mediaOf(r.Header, r.ContentLength, g.Limits)
	if p != nil {
		return Answer{}, p
	}
	key, segment, member := r.Header.Get("Idempotency-Key"), r.PathValue("segment"), ""
	if r.URL.RawQuery != "" {
		member = r.URL.Query().Get("id")
	}
	if err := checkKey(key); err != nil {
		return Answer{}, problem(http.StatusBadRequest, "%v", err)
	}
	body, p := content(r.Body, r.ContentLength, m.coding, g.Limits, &hold.lease)
	if p != nil {
		return Answer{}, p
	}
	hold.raws, p = cut(hold.raws, body, m.array, g.Limits)
	if p != nil {
		return Answer{}, p
	}
	if key != "" && !g.Replays.Same(producer.Name, segment, key, body) {
		return Answer{}, problem(http.StatusConflict, "Idempotency-Key %q came with another body before", key)
	}
	names := newNaming(producer.Name, key, member)
	size, rest := need(hold.raws, g.Limits, names)
	ids, ok := hold.buffer(size)
	if !ok || !hold.grow(rest) {
		return Answer{}, busy()
	}
	breaks := m.array || bytes.IndexByte(body, '\r') >= 0
	var failed []Result
	hold.records, failed = prepare(hold.records, nil, hold.raws, breaks, g.Limits, names, ids)
	if len(hold.records) > 0 {
		writer.Put(hold.records)
		failed = refusals(failed, hold.records)
	}
	return conclude(len(hold.raws), failed)
}

// identify gives the producer of a request, if it may send to the segment.
func (g *Gateway) identify(r *http.Request) (Producer, *Problem) {
	if g.draining.Load() {
		return Producer{}, drained()
	}
	producer, p := g.Producers.Authenticate(r)
	if p != nil {
		return Producer{}, p
	}
	if segment := r.PathValue("segment"); !producer.May(segment) {
		return Producer{}, problem(http.StatusForbidden, "producer %q may not send to segment %.100q", producer.Name, segment)
	}
	return producer, nil
}

// admit decides whether a request with records may go on, before its body is read.
func (g *Gateway) admit(r *http.Request) (Producer, *Writer, *Problem) {
	producer, p := g.identify(r)
	if p != nil {
		return Producer{}, nil, p
	}
	segment := r.PathValue("segment")
	if writer := g.Segments[segment]; writer != nil {
		return producer, writer, nil
	}
	if reason, ok := g.Others[segment]; ok {
		return producer, nil, problem(http.StatusNotFound, "segment %q takes no records here: %s", segment, reason)
	}
	return producer, nil, problem(http.StatusNotFound, "unknown segment %.100q", segment)
}
