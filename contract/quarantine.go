package contract

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"unicode/utf8"
)

// Rejected is one line of a quarantine file: a record that is not in the output, and why.
type Rejected struct {
	Chunk  int    `json:"chunk"`
	Start  int64  `json:"start"` // byte range of the record in the decompressed input, line end included
	End    int64  `json:"end"`
	Field  string `json:"field,omitempty"` // "" when the whole record is at fault
	Reason string `json:"reason"`
	Raw    string `json:"raw,omitempty"`       // the record's bytes, when they are UTF-8
	Base64 []byte `json:"rawBase64,omitempty"` // the record's bytes otherwise
	Text   string `json:"text,omitempty"`      // the record in UTF-8, when the input is in another charset
	// Place of a record of a stream; Start and End are then those among the records of its acknowledgement.
	Shard    string `json:"shard,omitempty"`
	Sequence string `json:"sequence,omitempty"`
}

// SetRaw keeps the record's bytes in the field that can hold them.
func (r *Rejected) SetRaw(raw []byte) {
	if utf8.Valid(raw) {
		r.Raw = string(raw)
	} else {
		r.Base64 = raw
	}
}

// Bytes gives the record's bytes back.
func (r Rejected) Bytes() []byte {
	if r.Base64 != nil {
		return r.Base64
	}
	return []byte(r.Raw)
}

// Quarantine gives the lines of a quarantine object from its bytes: older ones are not compressed.
func Quarantine(stored io.Reader) (io.Reader, error) {
	lines := bufio.NewReader(stored)
	if head, err := lines.Peek(1); err != nil || head[0] == '{' { // an error comes again when the lines are read
		return lines, nil
	}
	z, err := gzip.NewReader(lines)
	if err != nil {
		return nil, fmt.Errorf("decompress the quarantine: %w", err)
	}
	return z, nil
}
