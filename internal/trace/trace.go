// Package trace joins what functions do into traces of AWS X-Ray: intake to workflow to chunk. Lambda and Step Functions
// record the segments of a trace; what is missing is that one service tells the next which trace it is, and which load
// and chunk a segment is of.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net"
	"strings"
	"time"
)

// Header is the tracing header of the invocation that ctx is of, as it is passed on to Step Functions and SQS; "": there
// is none. aws-lambda-go keeps it under this key.
func Header(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	return header
}

// Recorder adds subsegments to the segment that Lambda records of an invocation. The nil Recorder adds none.
type Recorder struct {
	Now func() time.Time

	daemon net.Conn
}

// New makes a recorder that sends to the X-Ray daemon, at the address that Lambda gives in AWS_XRAY_DAEMON_ADDRESS
// ("Defined runtime environment variables" in the Lambda developer guide). Without one, it is nil.
func New(address string) *Recorder {
	if address == "" {
		return nil
	}
	conn, err := (&net.Dialer{}).Dial("udp", address) // sends nothing yet
	if err != nil {
		return nil
	}
	return &Recorder{daemon: conn, Now: time.Now}
}

// subsegment is a finished one ("AWS X-Ray segment documents" in the X-Ray developer guide).
type subsegment struct {
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	Trace       string            `json:"trace_id"`
	Parent      string            `json:"parent_id"`
	Type        string            `json:"type"`
	Start       float64           `json:"start_time"` // seconds since 1970
	End         float64           `json:"end_time"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Fault       bool              `json:"fault,omitempty"`
}

// Start begins to record what the invocation does; end, with how it went, records it. Traces can be searched by
// annotations, whose names have letters, digits and underscores. Traces are best effort, as is the way to the daemon:
// UDP.
func (r *Recorder) Start(ctx context.Context, name string, annotations map[string]string) (end func(error)) {
	if r == nil {
		return func(error) {}
	}
	start := r.Now()
	return func(failed error) { r.record(ctx, name, start, failed, annotations) }
}

func (r *Recorder) record(
	ctx context.Context, name string, start time.Time, failed error, annotations map[string]string,
) {
	var root, parent string
	sampled := false
	for part := range strings.SplitSeq(Header(ctx), ";") {
		switch key, value, _ := strings.Cut(part, "="); key {
		case "Root":
			root = value
		case "Parent":
			parent = value
		case "Sampled":
			sampled = value == "1"
		}
	}
	if !sampled || root == "" || parent == "" {
		return
	}
	var id [8]byte
	_, _ = rand.Read(id[:])
	data, err := json.Marshal(subsegment{
		Name: name, ID: hex.EncodeToString(id[:]), Trace: root, Parent: parent, Type: "subsegment",
		Start: float64(start.UnixMicro()) / 1e6, End: float64(r.Now().UnixMicro()) / 1e6,
		Annotations: annotations, Fault: failed != nil,
	})
	if err != nil {
		return
	}
	_, _ = r.daemon.Write(append([]byte("{\"format\": \"json\", \"version\": 1}\n"), data...))
}
