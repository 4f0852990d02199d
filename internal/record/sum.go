package record

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Sum is a fingerprint of a set of records that does not depend on their order: the sum of their 128-bit xxh3
// hashes, each half modulo 2^64. Sums of parts add up to the sum of the whole. It finds accidents (a lost, repeated
// or altered record), not forgeries.
type Sum struct{ Hi, Lo uint64 }

// Add counts a record in: its raw bytes without the line end (see Trim).
func (s *Sum) Add(record []byte) {
	h := xxh3.Hash128(record)
	s.Hi += h.Hi
	s.Lo += h.Lo
}

// Plus is the sum of both sets of records.
func (s Sum) Plus(o Sum) Sum { return Sum{s.Hi + o.Hi, s.Lo + o.Lo} }

// String is 32 lower-case hex digits, Hi first.
func (s Sum) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], s.Hi)
	binary.BigEndian.PutUint64(b[8:], s.Lo)
	return hex.EncodeToString(b[:])
}

// MarshalText is String.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String writes.
func (s *Sum) UnmarshalText(text []byte) error {
	var b [16]byte
	if len(text) != 2*len(b) {
		return fmt.Errorf("read a sum of records: %d characters, want %d", len(text), 2*len(b))
	}
	if _, err := hex.Decode(b[:], text); err != nil {
		return fmt.Errorf("read a sum of records: %w", err)
	}
	s.Hi, s.Lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	return nil
}
