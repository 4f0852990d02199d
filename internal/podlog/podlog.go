// Package podlog keeps what a pod writes. Its lines go to the pod's own output, as kubectl shows them, and into a stream
// of CloudWatch Logs, which is there when pod and node are gone, and which turns lines in the embedded metric format
// into data points: nothing else in the cluster does.
package podlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Client is what a Writer needs of CloudWatch Logs.
type Client interface {
	CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (
		*cloudwatchlogs.CreateLogStreamOutput, error)
	PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (
		*cloudwatchlogs.PutLogEventsOutput, error)
}

// Limits of one request ("PutLogEvents" in the CloudWatch Logs API reference), and of what waits for one.
const (
	maxBytes  = 1 << 20 // the sum of all messages, with overhead for each
	maxEvents = 10_000
	overhead  = 26           // bytes an event counts beside its message
	maxLine   = 256 << 10    // bytes of a message: longer ones are cut
	maxWaits  = 4 * maxBytes // what waits for CloudWatch: a pod's memory is for chunks
)

// Every is how long a line waits until it is sent.
const Every = 5 * time.Second

// farewell is how long the last lines have when the pod ends.
const farewell = 3 * time.Second

// Writer sends whole lines, one per Write, to Out and to a log stream. Logs are best effort: while CloudWatch cannot be
// reached, lines wait, and what would take more than 4 MiB is dropped and counted.
type Writer struct {
	Out           io.Writer
	Client        Client
	Group, Stream string
	Now           func() time.Time
	// Tick is when waiting lines are sent, besides when a request is full.
	Tick <-chan time.Time

	mu      sync.Mutex
	waiting []types.InputLogEvent
	bytes   int   // of waiting, as CloudWatch counts them
	last    int64 // newest timestamp: events of a request are in order
	dropped int
	full    chan struct{}
	once    sync.Once
}

// Write passes a line on. It fails only if Out does.
func (w *Writer) Write(line []byte) (int, error) {
	w.keep(line)
	return w.Out.Write(line)
}

func (w *Writer) keep(line []byte) {
	text := string(line[:min(len(line), maxLine)])
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if text == "" { // which CloudWatch refuses
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bytes+len(text)+overhead > maxWaits {
		w.dropped++
		return
	}
	w.add(text)
	if w.bytes >= maxBytes/2 {
		select {
		case w.wake() <- struct{}{}:
		default:
		}
	}
}

// add appends an event; the caller holds the lock.
func (w *Writer) add(text string) {
	w.last = max(w.last, w.Now().UnixMilli())
	w.waiting = append(w.waiting, types.InputLogEvent{Message: &text, Timestamp: aws.Int64(w.last)})
	w.bytes += len(text) + overhead
}

func (w *Writer) wake() chan struct{} {
	w.once.Do(func() { w.full = make(chan struct{}, 1) })
	return w.full
}

// Run sends lines until the context ends, and then what is left.
func (w *Writer) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
			defer cancel()
			w.report(w.send(last))
			return
		case <-w.Tick:
		case <-w.wake():
		}
		w.report(w.send(ctx))
	}
}

// report says in the pod's own output alone that lines were not sent: they would only make more of them.
func (w *Writer) report(err error) {
	if err != nil {
		_, _ = fmt.Fprintf(w.Out, "{\"level\":\"WARN\",\"msg\":\"log lines are not in CloudWatch\",\"error\":%q}\n", err)
	}
}

// send sends all that waits, in as few requests as possible. After an error, what was not sent goes on waiting.
func (w *Writer) send(ctx context.Context) error {
	for {
		batch := w.take()
		if len(batch) == 0 {
			return nil
		}
		if err := w.put(ctx, batch); err != nil {
			w.giveBack(batch)
			return fmt.Errorf("put %d lines into the log %s: %w", len(batch), w.Group, err)
		}
	}
}

// take removes the lines of one request.
func (w *Writer) take() []types.InputLogEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dropped > 0 && w.bytes+overhead < maxWaits {
		w.add(fmt.Sprintf(`{"level":"WARN","msg":"log lines were dropped","lines":%d}`, w.dropped))
		w.dropped = 0
	}
	n, size := 0, 0
	for n < len(w.waiting) && n < maxEvents && size+len(*w.waiting[n].Message)+overhead <= maxBytes {
		size += len(*w.waiting[n].Message) + overhead
		n++
	}
	batch := w.waiting[:n:n]
	w.waiting, w.bytes = w.waiting[n:], w.bytes-size
	return batch
}

func (w *Writer) giveBack(batch []types.InputLogEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(batch, w.waiting...)
	for _, e := range batch {
		w.bytes += len(*e.Message) + overhead
	}
}

// put sends one request. The stream is made when the group has none of that name.
func (w *Writer) put(ctx context.Context, batch []types.InputLogEvent) error {
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &w.Group, LogStreamName: &w.Stream, LogEvents: batch}
	_, err := w.Client.PutLogEvents(ctx, in)
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		return err
	}
	_, err = w.Client.CreateLogStream(ctx,
		&cloudwatchlogs.CreateLogStreamInput{LogGroupName: &w.Group, LogStreamName: &w.Stream})
	var made *types.ResourceAlreadyExistsException
	if err != nil && !errors.As(err, &made) {
		return fmt.Errorf("make the stream %s: %w", w.Stream, err)
	}
	_, err = w.Client.PutLogEvents(ctx, in)
	return err
}
