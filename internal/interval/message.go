package interval

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"dip/contract"
	"dip/internal/record"
)

// ID is the beginning of the SHA-256 of a record's id. Zero: the record has none.
type ID [16]byte

// Message is what one record of a stream carries: a marker, or a record of the segment.
type Message struct {
	Marker int64  // end of the interval that it marks, milliseconds since 1970; 0: it is no marker
	ID     string // given by the producer or the gateway; "": none, so that repeats cannot be told
	Record []byte // as the producer wrote it
}

// What precedes a record begins with NUL, as no line of JSON or CSV does, and ends with a line feed.
const (
	idPrefix     = "\x00dip id "
	markerPrefix = "\x00dip marker "
)

// maxID is the longest id, bytes: as long as a partition key.
const maxID = 256

// Marker is the data of a marker for all intervals that end at or before a time, milliseconds since 1970.
func Marker(end int64) []byte { return fmt.Appendf(nil, "%s%d\n", markerPrefix, end) }

// Envelope is the data of a record with an id: 1 to 256 bytes without a line feed.
func Envelope(id string, rec []byte) ([]byte, error) {
	if id == "" || len(id) > maxID || strings.Contains(id, "\n") {
		return nil, fmt.Errorf("%.300q is no id of a record: want 1 to %d bytes without a line feed", id, maxID)
	}
	return AppendEnvelope(make([]byte, 0, EnvelopeSize(len(id), len(rec))), []byte(id), rec), nil
}

// AppendEnvelope appends the data of a record with an id that Envelope takes.
func AppendEnvelope(to, id, rec []byte) []byte {
	to = append(append(to, idPrefix...), id...)
	return append(append(to, '\n'), rec...)
}

// EnvelopeSize is the length of a record's data, bytes, by those of its id and of itself.
func EnvelopeSize(id, rec int) int { return len(idPrefix) + id + 1 + rec }

// Parse reads the data of a stream's record. What is neither a marker nor an envelope is a record without an id.
//
// A marker counts only when it arrives at or after the end that it marks: whoever may write to the stream can move
// records to the next interval by a marker, but not into the future.
func Parse(data []byte, arrival int64) Message {
	head, rest, ok := bytes.Cut(data, []byte("\n"))
	if id, enveloped := bytes.CutPrefix(head, []byte(idPrefix)); ok && enveloped && len(id) > 0 && len(id) <= maxID {
		return Message{ID: string(id), Record: rest}
	}
	if text, marked := bytes.CutPrefix(head, []byte(markerPrefix)); ok && marked && len(rest) == 0 {
		end, err := strconv.ParseInt(string(text), 10, 64)
		if err == nil && end > 0 && end <= arrival && bytes.Equal(data, Marker(end)) {
			return Message{Marker: end}
		}
	}
	return Message{Record: data}
}

// Digest is the message as the closing sees it.
func (m Message) Digest(n contract.Sequence, arrival int64) Record {
	r := Record{Sequence: n, At: arrival, Marker: m.Marker}
	if m.Marker != 0 {
		return r
	}
	r.Sum.Add(record.Trim(m.Record))
	if m.ID != "" {
		sum := sha256.Sum256([]byte(m.ID))
		r.ID = ID(sum[:16])
	}
	return r
}

// Record is one record of a shard, without its bytes.
type Record struct {
	Sequence contract.Sequence
	At       int64 // arrival, milliseconds since 1970
	Marker   int64 // see Message
	ID       ID
	Sum      record.Sum // of the record's bytes without line end and envelope; zero for a marker
}
