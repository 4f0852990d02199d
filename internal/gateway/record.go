package gateway

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/zeebo/xxh3"

	"dip/internal/interval"
)

// Record is a record on its way into a stream. Nothing of it is copied before it is written into a call.
type Record struct {
	id      []byte // names it, so that the consumer removes repeats
	line    []byte // a JSON object without line breaks
	place   int    // in the body of its request
	of      *delivery
	outcome Outcome // of the attempts so far
}

// partitionKeyBytes is the length of a partition key: a hash of the id, in hex.
const partitionKeyBytes = 16

// size is the length of the record, bytes, as PutRecords counts it.
func (r *Record) size() int { return interval.EnvelopeSize(len(r.id), len(r.line)) + partitionKeyBytes }

// Data is what the stream is to have of the record: its envelope.
func (r *Record) Data() []byte {
	return interval.AppendEnvelope(make([]byte, 0, interval.EnvelopeSize(len(r.id), len(r.line))), r.id, r.line)
}

// PartitionKey spreads records over the shards by their ids: repeats meet in one shard.
func (r *Record) PartitionKey() string { return string(r.appendPartitionKey(nil)) }

func (r *Record) appendPartitionKey(to []byte) []byte {
	var hash [8]byte
	binary.BigEndian.PutUint64(hash[:], xxh3.Hash(r.id))
	return hex.AppendEncode(to, hash[:])
}

// What encodes a record in a call of PutRecords (AWS JSON 1.1), and how many bytes that is.
const (
	beforeData = `{"Data":"`
	beforeKey  = `","PartitionKey":"`
	afterKey   = `"},`
)

func encodedSize(id, line int) int {
	data := interval.EnvelopeSize(id, line)
	return len(beforeData) + (data+2)/3*4 + len(beforeKey) + partitionKeyBytes + len(afterKey)
}

// longestHead is the longest beginning of an envelope, and up to two bytes more.
const longestHead = 272

// appendEncoded appends the record as an element of the list in a call, with a comma.
func (r *Record) appendEncoded(to []byte) []byte {
	// The envelope is not written as a whole: its head is, with as much of the line as makes its length a multiple of 3.
	var head [longestHead]byte
	first := min(len(r.line), 2-(interval.EnvelopeSize(len(r.id), 0)+2)%3)
	to = appendBase64(append(to, beforeData...), interval.AppendEnvelope(head[:0], r.id, r.line[:first]))
	to = appendBase64(to, r.line[first:])
	to = r.appendPartitionKey(append(to, beforeKey...))
	return append(to, afterKey...)
}
