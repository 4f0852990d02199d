package interval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"dip/contract"
)

// Set is a set of records of one shard: sequence numbers, ascending, each once.
type Set []contract.Sequence

// NewSet makes a set of sequence numbers in any order.
func NewSet(numbers ...contract.Sequence) Set {
	s := slices.Clone(numbers)
	slices.SortFunc(s, contract.Sequence.Compare)
	return slices.Compact(s)
}

// Has says whether a record is in the set.
func (s Set) Has(n contract.Sequence) bool {
	_, found := slices.BinarySearchFunc(s, n, contract.Sequence.Compare)
	return found
}

// Encode gives the set's bytes: for each number its distance from the one before, the first one's from -1, as a byte
// with the length and the big-endian bytes. Each set has one encoding.
func (s Set) Encode() []byte {
	var data []byte
	before, n, distance := big.NewInt(-1), new(big.Int), new(big.Int)
	for _, number := range s {
		n.SetString(string(number), 10) // a Sequence is a number
		b := distance.Sub(n, before).Bytes()
		data = append(append(data, byte(len(b))), b...)
		before, n = n, before
	}
	return data
}

// DecodeSet reads what Encode writes, and nothing else.
func DecodeSet(data []byte) (Set, error) {
	var s Set
	n, distance := big.NewInt(-1), new(big.Int)
	for len(data) > 0 {
		size := int(data[0])
		if data = data[1:]; size > len(data) {
			return nil, errors.New("read a set of records: it is cut off")
		}
		if size == 0 || data[0] == 0 {
			return nil, fmt.Errorf("read a set of records: the distance after %s is not in its shortest form", n)
		}
		n.Add(n, distance.SetBytes(data[:size]))
		number, err := contract.ParseSequence(n.String())
		if err != nil {
			return nil, fmt.Errorf("read a set of records: %w", err)
		}
		s, data = append(s, number), data[size:]
	}
	return s, nil
}

// ID names a set of records in a scope, such as their shard: 32 hex digits.
func (s Set) ID(scope ...string) string {
	h := sha256.New()
	for _, part := range scope {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	h.Write(s.Encode())
	return hex.EncodeToString(h.Sum(nil)[:16])
}
