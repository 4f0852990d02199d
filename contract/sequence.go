package contract

import (
	"cmp"
	"fmt"
	"strings"
)

// Sequence is a sequence number of a shard: a whole number in decimal, without leading zeros. It has 56 digits on AWS:
// too many for a machine word, and a comparison as text is wrong where the lengths differ. "" is before all of them.
type Sequence string

// maxDigits is the longest sequence number that the API describes: `0|([1-9]\d{0,128})` ("PutRecord").
const maxDigits = 129

// ParseSequence reads a sequence number.
func ParseSequence(text string) (Sequence, error) {
	if text == "" || len(text) > maxDigits || strings.Trim(text, "0123456789") != "" || text[0] == '0' && text != "0" {
		return "", fmt.Errorf("%.140q is no sequence number: want up to %d digits without leading zeros", text, maxDigits)
	}
	return Sequence(text), nil
}

// Compare orders sequence numbers as numbers.
func (s Sequence) Compare(o Sequence) int {
	return cmp.Or(cmp.Compare(len(s), len(o)), strings.Compare(string(s), string(o)))
}

// Key is a text of ASCII characters. The keys of sequence numbers are ordered as the numbers are.
func (s Sequence) Key() string { return fmt.Sprintf("%03d-%s", len(s), string(s)) }
