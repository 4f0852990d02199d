package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Problem is an answer that is not a success: application/problem+json (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// The records that were not accepted, of a body whose records could be told apart.
	Results []Result `json:"results,omitempty"`

	header map[string]string
}

// Result is what became of one record that was not accepted.
type Result struct {
	Index  int    `json:"index"`  // of the record in the body, from 0
	Status int    `json:"status"` // 400, 413, 429 or 503
	Reason string `json:"reason"`
}

// Answer is the body of a success: all records that Results does not name are in the stream.
type Answer struct {
	Records  int      `json:"records"` // in the body
	Accepted int      `json:"accepted"`
	Results  []Result `json:"results,omitempty"`
}

func problem(status int, format string, args ...any) *Problem {
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
	if retryable(status) {
		p = p.with("Retry-After", strconv.Itoa(retryAfter))
	}
	return p
}

// with adds a header to the answer.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = map[string]string{}
	}
	p.header[name] = value
	return p
}

func (p *Problem) write(w http.ResponseWriter) {
	for name, value := range p.header {
		w.Header().Set(name, value)
	}
	respond(w, p.Status, "application/problem+json", p)
}

// succeed answers that all records are in the stream.
func succeed(w http.ResponseWriter, records int) {
	body := strconv.AppendInt(append(make([]byte, 0, 64), `{"records":`...), int64(records), 10)
	body = strconv.AppendInt(append(body, `,"accepted":`...), int64(records), 10)
	w.Header()["Content-Type"] = jsonHeader
	_, _ = w.Write(append(body, '}')) // the client is gone
}

var jsonHeader = []string{typeJSON} // never changed

func respond(w http.ResponseWriter, status int, contentType string, body any) {
	data, err := json.Marshal(body)
	if err != nil { // the types above have nothing that cannot be encoded
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client is gone, and there is nobody else to answer
}

// retryable says whether the same request may succeed later.
func retryable(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// statusOf is the status of a request by the results of its records that were not accepted. It is a success if some
// records were accepted: 207 asks the client to read the results. If none was, the status that is worth a retry counts.
func statusOf(records int, failed []Result) int {
	switch {
	case len(failed) == 0:
		return http.StatusOK
	case len(failed) < records:
		return http.StatusMultiStatus
	}
	status := failed[0].Status
	for _, r := range failed {
		if rank(r.Status) > rank(status) {
			status = r.Status
		}
	}
	return status
}

func rank(status int) int {
	switch status {
	case http.StatusServiceUnavailable:
		return 3
	case http.StatusTooManyRequests:
		return 2
	case http.StatusBadRequest:
		return 1
	}
	return 0
}
