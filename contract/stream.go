package contract

import (
	"fmt"
	"time"
)

// Stream is how the records of a segment arrive by a Kinesis stream and become intervals. The length of the intervals
// of a stream never changes.
type Stream struct {
	Name            string `json:"name"`                      // of the stream
	IntervalSeconds int    `json:"intervalSeconds"`           // length of an interval of arrival time
	GraceSeconds    int    `json:"graceSeconds"`              // from an interval's end to its markers
	DueSeconds      int    `json:"dueSeconds"`                // an interval that is open for this long is overdue
	LookBackSeconds int    `json:"lookBackSeconds,omitempty"` // before an interval; an id from it is a duplicate's
}

// Interval is a span of arrival time, from Start until, and without, End.
type Interval struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// IntervalInput is an interval as the input of a load: its stream and span. So an interval has a LoadID.
func IntervalInput(segment string, s Stream, i Interval) Object {
	return Object{Bucket: s.Name, Key: fmt.Sprintf("%s/%s--%s", segment, i.Start.UTC().Format(time.RFC3339),
		i.End.UTC().Format(time.RFC3339))}
}

// StreamCursor is a place in a shard's archive.
type StreamCursor struct {
	After   string `json:"after"`   // sequence number of the record before it; "": it is the beginning
	Through int64  `json:"through"` // end of the newest interval marked before it, milliseconds since 1970
}

// Archived is a batch of records that the witness has archived: all of a shard after one record, up to another one.
type Archived struct {
	Shard   string `json:"shard"`
	After   string `json:"after"` // last record of the batch before; "" in the first one
	Last    string `json:"last"`
	From    int64  `json:"from"`    // StreamCursor.Through before the batch
	Through int64  `json:"through"` // the same after it
	Records int64  `json:"records"` // without markers
	Sum     string `json:"sum"`     // over these records, 32 hex digits
	Key     string `json:"key"`     // in the lake bucket: one StreamRecord a line, gzip
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"` // hex
}

// StreamRecord is one line of an archived batch.
type StreamRecord struct {
	Sequence string `json:"sequence"`
	At       int64  `json:"at"`  // approximate arrival, milliseconds since 1970
	Key      string `json:"key"` // partition key
	Data     []byte `json:"data"`
}

// Cover is a set of records of one shard.
type Cover struct {
	Shard string `json:"shard"`
	// The set, encoded: a byte with the length and then the big-endian bytes of each sequence number's distance from the
	// one before, the first one's from -1. nil when the set is an object.
	Records []byte  `json:"records,omitempty"`
	Stored  *Output `json:"stored,omitempty"` // the encoded set, as an object of the lake bucket; Rows: sequence numbers
}

// StreamAck is what the processor reports of a set of records. Start is 0, and End the length of the records.
type StreamAck struct {
	ID      string `json:"id"` // of the set: 32 hex digits
	Catalog string `json:"catalog"`
	Cover
	Ack
}

// Tally is a number of records and the sum of their hashes.
type Tally struct {
	Records int64  `json:"records"`
	Sum     string `json:"sum"` // 32 hex digits
}

// StreamProof is what the certificate of an interval has beside the chunks, which are its acknowledgements.
type StreamProof struct {
	Interval
	First           bool         `json:"first,omitempty"` // no interval comes before: it has everything older, too
	LookBackSeconds int          `json:"lookBackSeconds,omitempty"`
	Shards          []ShardProof `json:"shards"`
	Covers          []Cover      `json:"covers"`               // of each of the certificate's chunks
	Duplicates      []Cover      `json:"duplicates,omitempty"` // records that repeat the id of an earlier one
	Archived        Tally        `json:"archived"`             // all records of the interval
	Repeated        Tally        `json:"repeated"`             // the duplicates
	// IDs are the record ids of the interval, for the look-back of later ones: the first 16 bytes of the SHA-256 of each,
	// ascending. nil: there are none, or nothing looks back.
	IDs *Output `json:"ids,omitempty"`
}

// ShardProof is what is archived of a shard from where the interval before left off.
type ShardProof struct {
	Shard   string       `json:"shard"`
	Parents []string     `json:"parents,omitempty"`
	From    StreamCursor `json:"from"`
	Batches []Archived   `json:"batches"`
	Next    StreamCursor `json:"next"` // where the next interval begins
}

// ArchiveKey is where an archived batch goes. That of a shard's first batch says what its parents left, see Archived.From:
// so the archive can be read without the stream.
func ArchiveKey(segment, shard, after string, from int64, sha256Hex string) string {
	if after == "" {
		after = fmt.Sprintf("begin.%d", from)
	}
	return fmt.Sprintf("%s%s/%s/%s-%.12s.ndjson.gz", ArchivePrefix, segment, shard, after, sha256Hex)
}

// CoverKey is where a set of records goes that is too large for the ledger.
func CoverKey(segment, load, id string) string {
	return fmt.Sprintf("%s%s/%s/%s", CoverPrefix, segment, load, id)
}

// IDsKey is where the record ids of an interval go.
func IDsKey(segment, load, sha256Hex string) string {
	return fmt.Sprintf("%s%s/%s/ids-%.12s", CoverPrefix, segment, load, sha256Hex)
}

// ClosingKey is where a closed interval's certificate goes before it has a place in the chain.
func ClosingKey(segment, load, sha256Hex string) string {
	return fmt.Sprintf("%s%s/%s/closing-%.12s.json", CoverPrefix, segment, load, sha256Hex)
}

// StreamDataKey is where the rows of one partition go that an acknowledgement covers; see DataKey.
func StreamDataKey(segment, partition, load, id, sha256Hex string) string {
	return fmt.Sprintf("%s%s/%s/%s-%s-%.12s.parquet", DataPrefix, segment, partition, load, id, sha256Hex)
}

// StreamQuarantineKey is where the rejected records go that an acknowledgement covers.
func StreamQuarantineKey(segment, load, id, sha256Hex string) string {
	return fmt.Sprintf("%s%s/%s/%s-%.12s.ndjson%s", QuarantinePrefix, segment, load, id, sha256Hex, QuarantineSuffix)
}
