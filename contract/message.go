package contract

import (
	"encoding/json"
	"fmt"
	"time"
)

// Compression of an input.
type Compression string

// The compressions, detected from an object's first bytes.
const (
	Plain Compression = "none"
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// Splittable says whether a reader can start in the middle.
func (c Compression) Splittable() bool { return c == Plain }

// ChunkMessage asks a segment to process one chunk. It holds all that the work needs besides the catalog.
type ChunkMessage struct {
	Version int    `json:"v"`
	Load    string `json:"load"`
	Segment string `json:"segment"`
	Catalog string `json:"catalog"` // the catalog that the load is pinned to
	Object  Object `json:"object"`  // what to read: the input, or the piece of it that was restaged
	// offset in the input's content at which the object's content begins
	Base        int64       `json:"base,omitempty"`
	Footer      int64       `json:"footer,omitempty"`  // bytes at the end of the object that hold no record
	Compression Compression `json:"compression"`       // of the object
	Columns     []int       `json:"columns,omitempty"` // CSV: position of each schema field in a record, -1 when absent
	Width       int         `json:"width,omitempty"`   // CSV: fields in a record
	LoadDate    string      `json:"loadDate"`          // YYYY-MM-DD, the partition of segments partitioned by load date
	Chunk       int         `json:"chunk"`
	Attempt     int         `json:"attempt"` // 1, 2, ...: a later attempt takes the chunk over from an earlier one
	Start       int64       `json:"start"`   // the chunk owns the records that start in [Start, End)
	End         int64       `json:"end"`     // decompressed offsets; -1 for an input that cannot be split: to its end
	From        *int64      `json:"from,omitempty"`
	// From, when set, is the proven start of the chunk's first record; without it the chunk finds its start itself.
}

// ParseChunkMessage reads a message and refuses one that this version cannot understand.
func ParseChunkMessage(body string) (ChunkMessage, error) {
	var m ChunkMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("chunk message: %w", err)
	}
	switch {
	case m.Version < 1 || m.Version > Version:
		return m, fmt.Errorf("chunk message: version %d, this code reads 1 to %d", m.Version, Version)
	case m.Load == "" || m.Segment == "" || m.Catalog == "" || m.Object.Key == "" || m.Attempt < 1:
		return m, fmt.Errorf("chunk message: load, segment, catalog, object.key and attempt are required: %s", body)
	}
	return m, nil
}

// RestageMessage asks a restage job to turn a load's input into chunks that can be processed in parallel.
type RestageMessage struct {
	Version int    `json:"v"`
	Load    string `json:"load"`
	Attempt int    `json:"attempt"` // 1, 2, ...: a later attempt takes the restage over from an earlier one
}

// ParseRestageMessage reads a message and refuses one that this version cannot understand.
func ParseRestageMessage(body string) (RestageMessage, error) {
	var m RestageMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("restage message: %w", err)
	}
	switch {
	case m.Version < 1 || m.Version > Version:
		return m, fmt.Errorf("restage message: version %d, this code reads 1 to %d", m.Version, Version)
	case m.Load == "" || m.Attempt < 1:
		return m, fmt.Errorf("restage message: load and attempt are required: %s", body)
	}
	return m, nil
}

// WorkflowInput starts a load's workflow.
type WorkflowInput struct {
	Version int    `json:"v"`
	Load    string `json:"load"`
}

// Step is what the workflow asks of the reconciler.
type Step string

// The steps, in the order in which a load takes them.
const (
	Dispatch  Step = "dispatch"  // send every chunk that is not acknowledged
	Reconcile Step = "reconcile" // read the ledger, resend what is due, decide what is next
	Certify   Step = "certify"   // write the certificate
	Publish   Step = "publish"   // make the outputs visible and announce them
	Fail      Step = "fail"      // record the reason and announce it
)

// StepRequest is the reconciler's input.
type StepRequest struct {
	Version int    `json:"v"`
	Load    string `json:"load"`
	Step    Step   `json:"step"`
	Cause   string `json:"cause,omitempty"` // Fail only: the error that the workflow caught
	// Reconcile only: when this execution of the workflow began
	Started time.Time `json:"started,omitzero"`
}

// Action is what the workflow does after a step.
type Action string

// The actions.
const (
	ActionWait    Action = "wait"
	ActionCertify Action = "certify"
	ActionFail    Action = "fail"
	ActionDone    Action = "done" // of a plan: the load has the content of another
)

// StepResponse is the reconciler's and the splitter's output.
type StepResponse struct {
	Load        string `json:"load"`
	Action      Action `json:"action"`
	WaitSeconds int    `json:"waitSeconds"` // ActionWait: how long
	Cause       string `json:"cause"`       // ActionFail: the reason, for a person
}

// Source of all events on the event bus, and detail types of the load events.
const (
	EventSource    = "dip"
	EventPublished = "Load Published"
	EventFailed    = "Load Failed"
)

// LoadEvent is the detail of a load event.
type LoadEvent struct {
	Version     int    `json:"v"`
	Stack       string `json:"stack"`
	Load        string `json:"load"`
	Segment     string `json:"segment"`
	Object      Object `json:"object"`
	Certificate string `json:"certificate,omitempty"` // key in the lake bucket
	Manifest    string `json:"manifest,omitempty"`    // key in the lake bucket
	Rows        int64  `json:"rows"`
	Quarantined int64  `json:"quarantined"`
	Reason      string `json:"reason,omitempty"` // why it failed
}
