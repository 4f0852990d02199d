package contract

import "time"

// Key schema of the ledger table. A load and its chunks share a partition key; the index lists loads by day. The end of
// each segment's chain of certificates is an item of its own.
const (
	LedgerPartitionKey = "load"    // string: load id, or "chain#" and a segment
	LedgerSortKey      = "item"    // string: "load", "chunk#00042", or "head" of a chain
	LedgerIndex        = "by-day"  // global secondary index over load items
	LedgerIndexKey     = "day"     // string: YYYY-MM-DD on which the load was received; load items only
	LedgerIndexSortKey = "created" // string: RFC 3339 time of receipt
)

// Status of a load.
type Status string

// The statuses, in order.
const (
	Received  Status = "received"  // known, its workflow is being started
	Running   Status = "running"   // planned, chunks are being processed
	Certified Status = "certified" // totals and place in the chain are recorded; the certificate is being written
	Published Status = "published" // outputs are visible
	Failed    Status = "failed"    // nothing was published; the reason is recorded
)

// Final says whether a load in this status is over.
func (s Status) Final() bool { return s == Published || s == Failed }

// Output is an object that a chunk wrote.
type Output struct {
	Key       string `json:"key"`                 // in the lake bucket
	Partition string `json:"partition,omitempty"` // Hive-style path
	Rows      int64  `json:"rows"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"` // hex
}

// Ack is what a chunk reports when it is done.
type Ack struct {
	Start       int64     `json:"start"` // offset of the first record, decompressed
	End         int64     `json:"end"`   // offset after the last record
	RowsIn      int64     `json:"rowsIn"`
	RowsOut     int64     `json:"rowsOut"`
	Quarantined int64     `json:"quarantined"`
	LinesIn     int64     `json:"linesIn"`          // of the records: one that has line breaks within quotes has several
	LinesBad    int64     `json:"linesQuarantined"` // of the quarantined records; there a CR alone ends a line too
	HashOut     string    `json:"hashOut"`          // sum over the raw records that went to the output, 32 hex digits
	HashBad     string    `json:"hashQuarantined"`  // the same over the quarantined ones
	Outputs     []Output  `json:"outputs,omitempty"`
	Quarantine  *Output   `json:"quarantine,omitempty"`
	Code        string    `json:"code"`    // fingerprint of the code that made the rows
	Runtime     string    `json:"runtime"` // function version, or worker
	Attempt     int       `json:"attempt"`
	At          time.Time `json:"at"`
	Millis      int64     `json:"millis"` // time that the work took
}
