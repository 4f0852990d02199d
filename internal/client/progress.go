package client

import (
	"path"
	"time"

	"dip/contract"
	"dip/internal/ledger"
)

// State of a chunk.
type State string

// The states of a chunk.
const (
	Waiting State = "waiting" // queued, or its worker's lease expired
	Running State = "running"
	Done    State = "done"
	Broken  State = "failed" // permanently: the load fails
)

// ChunkState is the current state of one chunk.
type ChunkState struct {
	Chunk     int     `json:"chunk"`
	State     State   `json:"state"`
	Attempt   int     `json:"attempt"`
	Start     int64   `json:"start"` // byte range in the decompressed input
	End       int64   `json:"end"`   // -1: the end of the input
	Rows      int64   `json:"rows"`
	Seconds   float64 `json:"seconds"` // of processing, once done
	LastError string  `json:"lastError,omitempty"`
}

// Progress is the progress of a load.
type Progress struct {
	Load     string          `json:"load"`
	Segment  string          `json:"segment"`
	Key      string          `json:"key"`
	Status   contract.Status `json:"status"`
	Reason   string          `json:"reason,omitempty"`
	Of       string          `json:"of,omitempty"` // status duplicate: the load with the same content
	Received time.Time       `json:"received"`
	Deadline time.Time       `json:"deadline,omitzero"` // zero: it has none, or nobody asked for it

	Interval *contract.Interval `json:"interval,omitempty"` // of a stream; its chunks are acknowledgements

	Chunks  int `json:"chunks"` // 0 until planned
	Done    int `json:"done"`
	Running int `json:"running"`
	Waiting int `json:"waiting"`
	Broken  int `json:"failed"`
	Retried int `json:"retried"` // chunks that were sent more than once, whatever their state

	RowsIn      int64 `json:"rowsIn"`
	RowsOut     int64 `json:"rowsOut"`
	Quarantined int64 `json:"quarantined"`
	Bytes       int64 `json:"bytes"` // decompressed bytes of the chunks that are done
	Total       int64 `json:"total"` // decompressed bytes of the whole input; 0 while unknown

	ElapsedSeconds float64  `json:"elapsedSeconds"`
	BytesPerSecond float64  `json:"bytesPerSecond"` // 0 while unknown
	ETASeconds     *float64 `json:"etaSeconds,omitempty"`

	States []ChunkState `json:"states,omitempty"`
}

// Measure computes a load's progress at the time now from its ledger entries. It is a pure function.
//
// The elapsed time runs from the load's receipt to now, or to its last change once it has finished. The rate is the
// average since planning, and the time left assumes that this rate holds.
func Measure(load ledger.Load, chunks []ledger.Chunk, now time.Time) Progress {
	p := Progress{
		Load: load.ID, Segment: load.Segment, Key: load.Object.Key, Status: load.Status, Reason: load.Reason, Of: load.Of,
		Received: load.Received, Interval: load.Interval,
	}
	until := now
	if load.Status.Final() {
		until = load.Updated
	}
	p.ElapsedSeconds = max(0, until.Sub(load.Received).Seconds())
	if load.Plan != nil {
		p.Chunks = load.Plan.Chunks
		if load.Plan.Compression.Splittable() {
			p.Total = load.Object.Size - load.Plan.Body
		}
	}
	for _, c := range chunks {
		p.add(stateOf(c, now), c.Ack)
	}
	if t := load.Totals; t != nil { // a finished load is described by its totals, without its chunks
		p.Chunks, p.Done, p.RowsIn, p.RowsOut, p.Quarantined = t.Chunks, t.Chunks, t.RowsIn, t.RowsOut, t.Quarantined
		p.Bytes, p.Total = t.Bytes, t.Bytes
	}
	p.rate(load, until)
	return p
}

func (p *Progress) add(s ChunkState, ack *contract.Ack) {
	p.States = append(p.States, s)
	if s.Attempt > 1 {
		p.Retried++
	}
	switch s.State {
	case Done:
		p.Done++
		p.RowsIn += ack.RowsIn
		p.RowsOut += ack.RowsOut
		p.Quarantined += ack.Quarantined
		p.Bytes += ack.End - ack.Start
	case Running:
		p.Running++
	case Broken:
		p.Broken++
	case Waiting:
		p.Waiting++
	}
}

func stateOf(c ledger.Chunk, now time.Time) ChunkState {
	s := ChunkState{Chunk: c.Index, Attempt: c.Attempt, Start: c.Start, End: c.End, State: Waiting, LastError: c.LastError}
	switch {
	case c.Ack != nil:
		s.State, s.Rows, s.Seconds, s.LastError = Done, c.Ack.RowsIn, float64(c.Ack.Millis)/1000, ""
	case c.Failure != "":
		s.State, s.LastError = Broken, c.Failure
	case c.Owner != "" && now.Before(c.LeaseUntil):
		s.State = Running
	}
	return s
}

func (p *Progress) rate(load ledger.Load, until time.Time) {
	since := load.Received
	if load.Plan != nil && !load.Status.Final() {
		since = load.Plan.At
	}
	seconds := until.Sub(since).Seconds()
	if p.Bytes <= 0 || seconds <= 0 {
		return
	}
	p.BytesPerSecond = float64(p.Bytes) / seconds
	if load.Status == contract.Running && p.Total > 0 {
		eta := float64(max(0, p.Total-p.Bytes)) / p.BytesPerSecond
		p.ETASeconds = &eta
	}
}

// Share is the share of the input that is done, from 0 to 1: by bytes if the total is known, else by chunks.
func (p Progress) Share() float64 {
	switch {
	case p.Status == contract.Certified || p.Status == contract.Published:
		return 1
	case p.Total > 0:
		return min(1, float64(p.Bytes)/float64(p.Total))
	case p.Chunks > 0:
		return float64(p.Done) / float64(p.Chunks)
	default:
		return 0
	}
}

// File is the name of the input without its segment; of an interval, its times.
func (p Progress) File() string {
	if i := p.Interval; i != nil {
		return i.Start.UTC().Format(time.TimeOnly) + " to " + i.End.UTC().Format(time.TimeOnly)
	}
	if p.Segment == "" || len(p.Key) <= len(p.Segment) {
		return path.Base(p.Key)
	}
	return p.Key[len(p.Segment)+1:]
}

// Empty says that this is an interval in which no record arrived.
func (p Progress) Empty() bool {
	return p.Interval != nil && p.Status == contract.Published && p.RowsIn == 0
}

// Verdict is the load's state in one word: CERTIFIED, FAILED, or its status. Only a load whose outputs are visible is
// CERTIFIED.
func (p Progress) Verdict() string {
	switch p.Status {
	case contract.Published:
		return "CERTIFIED"
	case contract.Failed:
		return "FAILED"
	default:
		return string(p.Status)
	}
}
