package contract

import (
	"encoding/json"
	"fmt"
	"time"
)

// Certificate proves that each record of an input is in the curated output or in quarantine, exactly once. It holds
// everything that is needed to prove it again from scratch.
type Certificate struct {
	Version     int          `json:"version"`
	Load        string       `json:"load"`
	Segment     string       `json:"segment"`
	Stack       string       `json:"stack"`
	Catalog     string       `json:"catalog"` // the schema and dialect that applied
	Input       Object       `json:"input"`
	Compression Compression  `json:"compression"`
	Front       Skipped      `json:"front,omitzero"`  // skipped lines and comments before the header
	Body        int64        `json:"body"`            // offset of the first record: after byte order mark and header
	Footer      Skipped      `json:"footer,omitzero"` // skipped lines after the last record
	Length      int64        `json:"length"`          // length of the decompressed input
	Columns     []int        `json:"columns,omitempty"`
	Width       int          `json:"width,omitempty"`
	Chunks      []ChunkProof `json:"chunks"`
	Totals      Totals       `json:"totals"`
	Chain       ChainProof   `json:"chain"`
	Received    time.Time    `json:"received"`
	Certified   time.Time    `json:"certified"`
	// Link is nil in a certificate that was made before certificates were linked.
	Link *Link `json:"link,omitempty"`
	// Stream is nil unless the input is an interval of a stream. Its chunks are acknowledgements, each from byte 0.
	Stream *StreamProof `json:"stream,omitempty"`
}

// Link is a certificate's place in the chain of its segment: each certificate names the file of the one before it.
type Link struct {
	Number int64  `json:"number"`           // 1 for the first certificate of the chain
	Load   string `json:"load,omitempty"`   // load of the previous certificate; "" in the first one
	SHA256 string `json:"sha256,omitempty"` // of the previous certificate's file, hex; "" in the first one
}

// Encode gives the bytes of a certificate's file. The same certificate always gives the same bytes.
func (c Certificate) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the certificate of load %s: %w", c.Load, err)
	}
	return data, nil
}

// ChunkProof is one chunk's part of the proof.
type ChunkProof struct {
	Chunk    int   `json:"chunk"`
	CutStart int64 `json:"cutStart"` // the chunk owns the records that start in [CutStart, CutEnd)
	CutEnd   int64 `json:"cutEnd"`
	Ack
}

// Totals are sums over the chunks.
type Totals struct {
	Chunks      int      `json:"chunks"`
	RowsIn      int64    `json:"rowsIn"`
	RowsOut     int64    `json:"rowsOut"`
	Quarantined int64    `json:"quarantined"`
	LinesIn     int64    `json:"linesIn"`
	LinesBad    int64    `json:"linesQuarantined"`
	Skipped     Skipped  `json:"skipped,omitzero"` // front, comments and footer
	Bytes       int64    `json:"bytes"`            // bytes covered, decompressed
	BytesOut    int64    `json:"bytesOut"`
	HashOut     string   `json:"hashOut"`
	HashBad     string   `json:"hashQuarantined"`
	Attempts    int      `json:"attempts"`
	Codes       []string `json:"codes"` // every code fingerprint that took part, sorted
}

// ChainProof is the verdict on the boundaries: each chunk began exactly where the one before it ended, the first at
// Body, and the last ended at the input's end.
type ChainProof struct {
	Closed   bool  `json:"closed"`
	Position int64 `json:"position"` // how far the chain is proven
	Reruns   int   `json:"reruns"`   // chunks that ran again from a proven start
}
