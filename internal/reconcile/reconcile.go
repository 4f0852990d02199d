package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"dip/contract"
	"dip/internal/attest"
	"dip/internal/emf"
	"dip/internal/lake"
	"dip/internal/ledger"
	"dip/internal/load"
)

// Ledger is what the reconciler asks of the ledger.
type Ledger interface {
	Load(ctx context.Context, id string) (ledger.Load, error)
	Chunks(ctx context.Context, id string) ([]ledger.Chunk, error)
	ChunksFrom(ctx context.Context, id string, first, untouched int) ([]ledger.Chunk, error)
	Prove(ctx context.Context, id string, p ledger.Proven) error
	Dispatched(ctx context.Context, id string, at time.Time) error
	Resend(ctx context.Context, load string, c ledger.Chunk, from *int64, failed int) (ledger.Chunk, error)
	Sent(ctx context.Context, load string, some []ledger.Chunk, at time.Time) error
	Head(ctx context.Context, segment string) (ledger.Head, error)
	Certify(ctx context.Context, id, segment string, p ledger.Proof, at time.Time) (bool, error)
	Publish(ctx context.Context, id string, at time.Time) (bool, error)
	Fail(ctx context.Context, id, reason string, at time.Time) (bool, error)
	Announced(ctx context.Context, id string) error
}

// Queue sends chunk messages to a segment's queue.
type Queue interface {
	Send(ctx context.Context, queue string, bodies []string) error
	// Empty says whether a queue holds no message, neither visible nor received.
	Empty(ctx context.Context, queue string) (bool, error)
}

// Bus announces the outcome of a load.
type Bus interface {
	Put(ctx context.Context, detailType string, e contract.LoadEvent) error
}

// Lake stores certificates, their envelopes and manifests.
type Lake interface {
	Get(ctx context.Context, key string) ([]byte, error)
	PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error
	Bucket() string
}

// Catalogs gives segment definitions by the key of a catalog.
type Catalogs interface {
	Catalog(ctx context.Context, key string) (contract.Catalog, error)
}

// Reconciler carries a load's steps out. Each step may be repeated at any point.
type Reconciler struct {
	Stack    string
	Catalog  string // key of the current catalog: where the queues are now
	Ledger   Ledger
	Queue    Queue
	Bus      Bus
	Lake     Lake
	Catalogs Catalogs
	Signer   attest.Signer
	Log      *slog.Logger
	Metrics  *emf.Emitter
	Now      func() time.Time
	// Pause waits before the next try to enter a chain that other loads enter at the same time.
	Pause func(ctx context.Context, d time.Duration) error
}

// Handle takes one step.
func (r *Reconciler) Handle(ctx context.Context, q contract.StepRequest) (contract.StepResponse, error) {
	load, err := r.Ledger.Load(ctx, q.Load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	var response contract.StepResponse
	switch q.Step {
	case contract.Dispatch:
		response, err = r.dispatch(ctx, load)
	case contract.Reconcile:
		response, err = r.reconcile(ctx, load, q.Started)
	case contract.Certify:
		response, err = r.certify(ctx, load)
	case contract.Publish:
		response, err = r.publish(ctx, load)
	case contract.Fail:
		response, err = r.fail(ctx, load, q.Cause)
	default:
		err = fmt.Errorf("unknown step %q", q.Step)
	}
	if err != nil {
		return contract.StepResponse{}, fmt.Errorf("%s load %s: %w", q.Step, q.Load, err)
	}
	response.Load = load.ID
	r.Log.InfoContext(ctx, "step done", "load", load.ID, "step", q.Step, "action", response.Action, "wait",
		response.WaitSeconds, "cause", response.Cause)
	return response, nil
}

var errUnplanned = errors.New("the load is not planned")

// chunks reads the chunks of a load's plan.
func (r *Reconciler) chunks(ctx context.Context, l ledger.Load) ([]ledger.Chunk, error) {
	if l.Plan == nil {
		return nil, errUnplanned
	}
	chunks, err := r.Ledger.Chunks(ctx, l.ID)
	return load.Planned(l, chunks), err
}

// segment is a load's segment as the load is pinned to it.
func (r *Reconciler) segment(ctx context.Context, load ledger.Load) (contract.Segment, error) {
	catalog, err := r.Catalogs.Catalog(ctx, load.Catalog)
	if err != nil {
		return contract.Segment{}, err
	}
	return catalog.Segment(load.Segment)
}

// dispatch sends all work that is not acknowledged and whose message was not sent. What a dispatch that died has sent
// and not recorded is sent twice, which the ledger's claims make harmless.
func (r *Reconciler) dispatch(ctx context.Context, load ledger.Load) (contract.StepResponse, error) {
	chunks, err := r.chunks(ctx, load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	var open []ledger.Chunk
	for _, c := range work(load, chunks) {
		// Planners of earlier versions wrote the plan's time down.
		if c.Ack == nil && c.Owner == "" && !awaitsPiece(load, c) && (c.Sent.IsZero() || c.Sent.Equal(load.Plan.At)) {
			open = append(open, c)
		}
	}
	if err := r.send(ctx, load, open); err != nil {
		return contract.StepResponse{}, err
	}
	return waitFor(minWait), nil
}

func (r *Reconciler) reconcile(
	ctx context.Context, load ledger.Load, started time.Time,
) (contract.StepResponse, error) {
	segment, err := r.segment(ctx, load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	if load.Plan == nil {
		return contract.StepResponse{}, errUnplanned
	}
	if started.IsZero() { // executions of earlier versions do not say
		started = load.Plan.At
	}
	look, limits := Look{Now: r.Now(), Started: started}, limitsOf(segment.Loads)
	chunks, d, err := r.decide(ctx, look, load, limits)
	if err != nil {
		return contract.StepResponse{}, err
	}
	var again []ledger.Chunk
	for _, s := range d.Send {
		if s.Repair {
			again = append(again, s.Chunk)
			continue
		}
		next, err := r.Ledger.Resend(ctx, load.ID, s.Chunk, s.From, s.Failed)
		if errors.Is(err, ledger.ErrMoved) {
			continue // it was acknowledged or sent meanwhile
		}
		if err != nil {
			return contract.StepResponse{}, err
		}
		again = append(again, next)
	}
	if err := r.send(ctx, load, again); err != nil {
		return contract.StepResponse{}, err
	}
	switch d.Action {
	case contract.ActionFail:
		return contract.StepResponse{Action: contract.ActionFail, Cause: d.Cause}, nil
	case contract.ActionCertify:
		return contract.StepResponse{Action: contract.ActionCertify}, nil
	}
	r.measureSlack(look.Now, segment, load, chunks)
	return waitFor(d.Wait), nil
}

func waitFor(d time.Duration) contract.StepResponse {
	return contract.StepResponse{Action: contract.ActionWait, WaitSeconds: int(d / time.Second)}
}

// publish makes the load's outputs visible with one write, the manifest, and announces it.
func (r *Reconciler) publish(ctx context.Context, load ledger.Load) (contract.StepResponse, error) {
	chunks, err := r.chunks(ctx, load)
	if err != nil {
		return contract.StepResponse{}, err
	}
	if load.Totals == nil {
		return contract.StepResponse{}, errors.New("the load has no certificate")
	}
	key := contract.ManifestKey(load.Segment, load.ID)
	if err := r.put(ctx, key, "text/plain", Manifest(r.Lake.Bucket(), chunks)); err != nil {
		return contract.StepResponse{}, err
	}
	now := r.Now()
	first, err := r.Ledger.Publish(ctx, load.ID, now)
	if err != nil {
		return contract.StepResponse{}, err
	}
	if first { // a repeated step does not count it again
		r.measure(load, emf.Values{contract.LoadsPublished: 1, contract.LoadSeconds: now.Sub(load.Received).Seconds()})
		load.Status, load.Updated = contract.Published, now
		if segment, err := r.segment(ctx, load); err == nil { // a load is not held up for a metric
			r.measureSlack(now, segment, load, chunks)
		}
	}
	return contract.StepResponse{Action: contract.ActionDone}, r.announce(ctx, load)
}

func (r *Reconciler) announce(ctx context.Context, l ledger.Load) error {
	return load.Announcer{Stack: r.Stack, Ledger: r.Ledger, Bus: r.Bus}.Announce(ctx, l)
}

// Manifest lists the outputs of a load, one URI a line, in the order of the records.
func Manifest(bucket string, chunks []ledger.Chunk) []byte {
	var list bytes.Buffer
	for _, c := range chunks {
		for _, o := range c.Ack.Outputs {
			fmt.Fprintf(&list, "s3://%s/%s\n", bucket, o.Key)
		}
	}
	return list.Bytes()
}

func (r *Reconciler) fail(ctx context.Context, load ledger.Load, cause string) (contract.StepResponse, error) {
	reason := contract.Cut(Reason(cause))
	failed, err := r.Ledger.Fail(ctx, load.ID, reason, r.Now())
	if err != nil {
		return contract.StepResponse{}, err
	}
	if !failed {
		return contract.StepResponse{}, fmt.Errorf("the load is %s and can no longer fail; cause: %s", load.Status, reason)
	}
	if load.Status != contract.Failed {
		r.measure(load, emf.Values{contract.LoadsFailed: 1})
	}
	load.Status, load.Reason = contract.Failed, reason
	return contract.StepResponse{Action: contract.ActionFail, Cause: reason}, r.announce(ctx, load)
}

func (r *Reconciler) measure(load ledger.Load, values emf.Values) {
	r.Metrics.Emit(load.Segment, values, map[string]string{"load": load.ID})
}

// Reason turns what a workflow caught into a sentence for a person. Lambda's errors arrive as JSON.
func Reason(cause string) string {
	var caught struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if err := json.Unmarshal([]byte(cause), &caught); err == nil && caught.ErrorMessage != "" {
		return caught.ErrorMessage
	}
	if cause = strings.TrimSpace(cause); cause == "" {
		return "the workflow failed without a cause"
	}
	return cause
}

func (r *Reconciler) put(ctx context.Context, key, contentType string, data []byte) error {
	return r.Lake.PutOnce(ctx, key, contentType, bytes.NewReader(data), lake.Hash(data))
}
