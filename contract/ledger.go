package contract

import (
	"strings"
	"time"
)

// Key schema of the ledger table. A load and its chunks share a partition key; the index lists loads by day. The end of
// each segment's chain of certificates is an item of its own.
const (
	LedgerPartitionKey = "load"    // string: load id, or "chain#" and a segment
	LedgerSortKey      = "item"    // string: "load", "chunk#00042", or "head" of a chain
	LedgerIndex        = "by-day"  // global secondary index over load items
	LedgerIndexKey     = "day"     // string: YYYY-MM-DD on which the load was received, and a shard; load items only
	LedgerIndexSortKey = "created" // string: RFC 3339 time of receipt
	LedgerOpenIndex    = "open"    // global secondary index over the loads that are not over
	LedgerOpenKey      = "open"    // string: a shard; only loads whose outcome has not been announced have it
	LedgerOpenSortKey  = "updated" // number: milliseconds since 1970 of the load's last change
)

// LedgerShards are the partitions that each key of an index is divided into: a partition takes 1,000 writes a second,
// and an index that takes no more throttles its table ("Using Global Secondary Indexes: write throughput
// considerations"). 16 take what some 4,000 loads a second write.
var LedgerShards = strings.Split("0123456789abcdef", "")

// LedgerShard is the shard of a load.
func LedgerShard(load string) string {
	sum := 0
	for _, b := range []byte(load) {
		sum += int(b)
	}
	return LedgerShards[sum%len(LedgerShards)]
}

// LedgerDay is the index key of the loads of a day (YYYY-MM-DD) in a shard.
func LedgerDay(day, shard string) string { return day + "#" + shard }

// Attributes of chunks that a function, a worker or a job writes or tests while it works on one.
const (
	LedgerStart      = "start" // tested: there is such a chunk
	LedgerAttempt    = "attempt"
	LedgerOwner      = "owner"
	LedgerLease      = "lease"
	LedgerAck        = "ack"
	LedgerFailure    = "failure"
	LedgerError      = "error"
	LedgerHandedBack = "handedBack"
	LedgerFailures   = "failures"
	LedgerReleased   = "released"
	LedgerSent       = "sent" // only by who sends chunks: the reconciler and the restage job
)

// LedgerWorkAttributes are all that such work may name in a request: the keys and the above.
var LedgerWorkAttributes = []string{
	LedgerPartitionKey, LedgerSortKey, LedgerStart, LedgerAttempt, LedgerOwner, LedgerLease, LedgerAck, LedgerFailure,
	LedgerError, LedgerHandedBack, LedgerFailures, LedgerReleased,
}

// Status of a load.
type Status string

// The statuses, in order.
const (
	Received  Status = "received"  // known, its workflow is being started
	Running   Status = "running"   // planned, chunks are being processed
	Certified Status = "certified" // totals and place in the chain are recorded; the certificate is being written
	Published Status = "published" // outputs are visible
	Failed    Status = "failed"    // nothing was published; the reason is recorded
	Duplicate Status = "duplicate" // the version before it has the same content: it is the same load
)

// Final says whether a load in this status is over.
func (s Status) Final() bool { return s == Published || s == Failed || s == Duplicate }

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
	Skipped     Skipped   `json:"skipped,omitzero"` // comments that start in the chunk's range
	Footer      Skipped   `json:"footer,omitzero"`  // after the last record; of an unsplittable input, or its restage
	Outputs     []Output  `json:"outputs,omitempty"`
	Quarantine  *Output   `json:"quarantine,omitempty"`
	Revision    int       `json:"revision,omitempty"` // OutputRevision of the code that made the rows
	Code        string    `json:"code"`               // fingerprint of the code that made the rows
	Runtime     string    `json:"runtime"`            // function version, or worker
	Attempt     int       `json:"attempt"`
	At          time.Time `json:"at"`
	Millis      int64     `json:"millis"` // time that the work took
}
