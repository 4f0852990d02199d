// Package restage turns an input that cannot be split into pieces that are processed in parallel: plain files of whole
// records, one chunk each.
//
// The ledger is the checkpoint. A piece counts once its chunk is in the ledger, and the next one begins where that
// chunk ends, so a job that is killed at any byte is followed by one that continues after the last chunk, and jobs that
// run at the same time (one of them presumed dead) make one sequence of chunks together. Only the decompression is
// repeated: a gzip stream can only be read from its start.
package restage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"dip/contract"
	"dip/internal/decompress"
	"dip/internal/fault"
	"dip/internal/lease"
	"dip/internal/ledger"
	"dip/internal/load"
	"dip/internal/process"
	"dip/internal/spool"
)

// Ledger is what a job asks of the ledger.
type Ledger interface {
	lease.Ledger
	Load(ctx context.Context, id string) (ledger.Load, error)
	Chunks(ctx context.Context, id string) ([]ledger.Chunk, error)
	Stage(ctx context.Context, id string, c ledger.Chunk) (ledger.Chunk, error)
	Sent(ctx context.Context, load string, some []ledger.Chunk, at time.Time) error
}

// Lake is where inputs come from and pieces go.
type Lake interface {
	spool.Sink
	Stream(ctx context.Context, o contract.Object, from int64) io.ReadCloser
	Bucket() string
}

// Queue sends chunk messages.
type Queue interface {
	Send(ctx context.Context, queue string, bodies []string) error
}

// Job restages inputs.
type Job struct {
	Code     string // fingerprint of the running binary
	Runtime  string // pod
	Catalog  string // key of the current catalog: where the queues are now
	Lease    time.Duration
	Ledger   Ledger
	Lake     Lake
	Queue    Queue
	Segments *process.Segments
	Log      *slog.Logger
	Now      func() time.Time
}

// Message carries out one restage message. After an error it has to be retried.
func (j *Job) Message(ctx context.Context, id, body string) error {
	m, err := contract.ParseRestageMessage(body)
	if err != nil {
		return err
	}
	holder := lease.Holder{Ledger: j.Ledger, Lease: j.Lease, Code: j.Code, Runtime: j.Runtime, Log: j.Log, Now: j.Now}
	claim := ledger.Claim{Load: m.Load, Chunk: ledger.RestageIndex, Attempt: m.Attempt, Owner: id}
	return holder.Do(ctx, claim, func(ctx context.Context) (contract.Ack, error) {
		for {
			ack, err := j.restage(ctx, m.Load)
			if !errors.Is(err, errOvertaken) {
				return ack, err
			}
			j.Log.InfoContext(ctx, "another job cut a piece elsewhere, continuing from there", "load", m.Load)
		}
	})
}

// errOvertaken says that the ledger's next chunk ends elsewhere than the piece that was cut for it.
var errOvertaken = errors.New("another job cut this piece elsewhere")

// restage makes all missing pieces. Its acknowledgement is the span of the content.
func (j *Job) restage(ctx context.Context, id string) (contract.Ack, error) {
	p, err := j.pass(ctx, id)
	if err != nil {
		return contract.Ack{}, err
	}
	stored := j.Lake.Stream(ctx, p.load.Object, 0)
	defer stored.Close()
	content, err := decompress.Decompress(stored, p.load.Plan.Compression)
	if err != nil {
		return contract.Ack{}, err
	}
	defer content.Close()
	content = decompress.Limit(content, p.segment.Loads.MaxContentBytes)
	content = decompress.Expansion(content, p.load.Object.Size, p.segment.Loads.MaxExpansion)
	at, err := p.again(ctx, content)
	if err != nil {
		return contract.Ack{}, err
	}
	var records io.Reader = content
	body := p.segment.Charset.Body(content, p.segment.Dialect.FooterLines, p.segment.MaxRecord, at)
	if p.segment.Dialect.FooterLines > 0 {
		records = body
	}
	c := newCutter(records, at, p.segment.Dialect, p.segment.MaxRecord)
	for index := len(p.chunks); ; index++ {
		if p.load, err = j.load(ctx, id); err != nil {
			return contract.Ack{}, err // the load failed meanwhile: the rest is not needed
		}
		more, err := p.next(ctx, c, index)
		if err != nil {
			return contract.Ack{}, err
		}
		if !more {
			return contract.Ack{Start: p.load.Plan.Body, End: c.pos, Footer: body.Footer()}, nil
		}
	}
}

// pass is one reading of an input.
type pass struct {
	*Job
	load    ledger.Load
	segment *process.Segment
	chunks  []ledger.Chunk // that earlier passes made
	queue   string         // of the chunks
}

func (j *Job) pass(ctx context.Context, id string) (*pass, error) {
	l, err := j.load(ctx, id)
	if err != nil {
		return nil, err
	}
	p := &pass{Job: j, load: l}
	if p.segment, err = j.Segments.Segment(ctx, l.Catalog, l.Segment); err != nil {
		return nil, err
	}
	definition, err := j.Segments.Catalogs.Segment(ctx, j.Catalog, l.Segment)
	if err != nil {
		return nil, err
	}
	p.queue = definition.QueueOf(l.Plan.Lane)
	chunks, err := j.Ledger.Chunks(ctx, id)
	if err != nil {
		return nil, err
	}
	p.chunks = load.Planned(l, chunks)
	// The previous job may have died before it sent its last chunk.
	if n := len(p.chunks); n > 0 && !p.chunks[n-1].Sent.IsZero() {
		return p, p.send(ctx, p.chunks[n-1])
	}
	return p, nil
}

// again reads the content up to the end of the last chunk. On its way it makes the pieces of chunks that were reopened
// by a redrive, which expire: they get the same bytes under the same keys.
func (p *pass) again(ctx context.Context, content io.Reader) (at int64, err error) {
	skip := func(to int64) error {
		if _, err := io.CopyN(io.Discard, content, to-at); err != nil {
			return fmt.Errorf("skip to byte %d: %w", to, err)
		}
		at = to
		return nil
	}
	for _, c := range p.chunks {
		if c.Ack != nil || !c.Sent.IsZero() {
			continue
		}
		if err := skip(c.Start); err != nil {
			return at, err
		}
		if err := p.remake(ctx, content, c); err != nil {
			return at, fmt.Errorf("make piece %d again: %w", c.Index, err)
		}
		at = c.End
	}
	end := p.load.Plan.Body
	if n := len(p.chunks); n > 0 {
		end = p.chunks[n-1].End
	}
	return end, skip(end)
}

func (p *pass) remake(ctx context.Context, content io.Reader, c ledger.Chunk) (err error) {
	s := spool.New(true)
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := io.CopyN(s, content, c.End-c.Start); err != nil {
		return err
	}
	if key := contract.StagingKey(p.load.Segment, p.load.ID, c.Index, c.Start, s.Sum()); key != c.Staged.Key {
		return fault.Permanent(fmt.Errorf("it is %s, it was %s: the input has changed", key, c.Staged.Key))
	}
	if err := s.Upload(ctx, p.Lake, c.Staged.Key, "application/octet-stream", s.Sum()); err != nil {
		return err
	}
	if err := p.send(ctx, c); err != nil {
		return err
	}
	return p.Ledger.Sent(ctx, p.load.ID, []ledger.Chunk{c}, p.Now())
}

// load reads a load that needs pieces.
func (j *Job) load(ctx context.Context, id string) (ledger.Load, error) {
	l, err := j.Ledger.Load(ctx, id)
	if err == nil && (l.Status != contract.Running || l.Plan == nil || !l.Plan.Restage) {
		err = fault.Permanent(fmt.Errorf("load %s is %s and needs no restage", id, l.Status))
	}
	return l, err
}

// next makes one piece: first the object, then the chunk in the ledger, then its message. What an earlier job
// has done of it is not repeated. more is false at the content's end.
func (p *pass) next(ctx context.Context, c *cutter, index int) (more bool, err error) {
	s := spool.New(true)
	defer func() { err = errors.Join(err, s.Close()) }()
	start := c.pos
	length, err := c.cut(s, p.segment.Loads.ChunkBytes)
	if err != nil || length == 0 {
		return false, err
	}
	key := contract.StagingKey(p.load.Segment, p.load.ID, index, start, s.Sum())
	if err := s.Upload(ctx, p.Lake, key, "application/octet-stream", s.Sum()); err != nil {
		return false, err
	}
	stands, err := p.Ledger.Stage(ctx, p.load.ID, ledger.Chunk{
		Index: index, Start: start, End: c.pos, From: &start, Attempt: 1, Sent: p.Now().UTC().Truncate(time.Millisecond),
		Staged: &contract.Object{Bucket: p.Lake.Bucket(), Key: key, Size: length},
	})
	if err != nil {
		return false, err
	}
	if stands.End != c.pos {
		return false, errOvertaken
	}
	p.Log.InfoContext(ctx, "piece staged", "load", p.load.ID, "chunk", index, "start", start, "end", c.pos)
	return true, p.send(ctx, stands)
}

// send enqueues a chunk unless it is claimed or acknowledged. Sending it twice is harmless: the ledger's claims see to
// that.
func (p *pass) send(ctx context.Context, c ledger.Chunk) error {
	if c.Ack != nil || c.Owner != "" {
		return nil
	}
	body, err := json.Marshal(load.Message(p.load, c))
	if err != nil {
		return fmt.Errorf("encode message of chunk %d: %w", c.Index, err)
	}
	return p.Queue.Send(ctx, p.queue, []string{string(body)})
}
