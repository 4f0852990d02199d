package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxID is the longest id of a record, bytes; see interval.Envelope.
const maxID = 256

// naming is where the ids of a request's records come from: a member of the records; the request's idempotency key;
// or, without either, chance. In all three a record keeps its id while the gateway retries it, and with the first two
// while the producer does.
type naming struct {
	member   string // of the records, whose value is the id
	producer string
	key      string // Idempotency-Key
	random   string
}

// process names this process among all gateways, by chance.
var process = rand.Text() + "-"

// unnamed counts the requests whose records this process names by chance.
var unnamed atomic.Uint64

func newNaming(producer, key, member string) naming {
	n := naming{member: member, producer: producer, key: key}
	if member == "" && key == "" {
		n.random = process + strconv.FormatUint(unnamed.Add(1), 36) + "-"
	}
	return n
}

// longest is how long the id of a record may be, bytes.
func (n naming) longest(record []byte) int {
	switch {
	case n.member != "":
		return min(maxID, len(record))
	case n.key != "":
		return 2 * derivedBytes
	}
	return len(n.random) + maxDigits
}

// maxDigits is how long a record's index may be, as text.
const maxDigits = 10

// appendID appends the id of a record. The result says why it cannot be named.
func (n naming) appendID(to []byte, index int, record []byte) ([]byte, *Result) {
	switch {
	case n.member != "":
		return appendMember(to, n.member, record)
	case n.key != "":
		return appendDerived(to, n.producer, n.key, index, record), nil
	}
	return strconv.AppendInt(append(to, n.random...), int64(index), 10), nil
}

// derivedBytes is how much of a hash is an id.
const derivedBytes = 16

// appendDerived appends an id that is the same whenever a producer repeats a request with its key. The content is part
// of it: a key that is used again for other records makes other ids, so that no record is taken for another one's
// repeat.
func appendDerived(to []byte, producer, key string, index int, record []byte) []byte {
	h, sum := sha256.New(), [sha256.Size]byte{}
	head := make([]byte, 0, 256)
	for _, part := range []string{producer, key} {
		head = append(binary.BigEndian.AppendUint64(head, uint64(len(part))), part...)
	}
	h.Write(binary.BigEndian.AppendUint64(head, uint64(index)))
	h.Write(record)
	return hex.AppendEncode(to, h.Sum(sum[:0])[:derivedBytes])
}

// appendMember appends the value of a member of a valid object: a string, or a number as it is written. Of members with
// the same name the last one counts.
func appendMember(to []byte, member string, record []byte) ([]byte, *Result) {
	value := memberOf(record, member)
	if value == nil {
		return to, bad("the record has no %.100q, which is to be its id", member)
	}
	id := value
	if value[0] == '"' {
		id = unquote(value)
	} else if value[0] != '-' && (value[0] < '0' || value[0] > '9') {
		return to, bad("the value of %.100q is to be the id: want a string or a number", member)
	}
	if len(id) == 0 || len(id) > maxID || bytes.IndexByte(id, '\n') >= 0 {
		return to, bad("the value of %.100q is to be the id: want 1 to %d bytes without a line feed", member, maxID)
	}
	return append(to, id...), nil
}

// memberOf gives the text of a member's value in a valid object; nil: there is none.
func memberOf(object []byte, member string) (value []byte) {
	at := skip(object, skip(object, 0)+1)
	for at < len(object) && object[at] == '"' {
		end := text(object, at+1)
		name := object[at : end+1]
		at = skip(object, skip(object, end+1)+1)
		end, err := element(object, at, '}')
		if err != nil {
			return nil
		}
		if string(unquote(name)) == member {
			value = trim(object[at:end])
		}
		at = skip(object, end+1)
	}
	return value
}

// unquote is the text of a valid string.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil
	}
	return []byte(text)
}

// checkKey checks an idempotency key; "" is none.
func checkKey(key string) error {
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("Idempotency-Key is %.300q: want up to 255 visible ASCII characters", key)
	}
	return nil
}
