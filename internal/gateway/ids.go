package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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

func newNaming(producer, key, member string) naming {
	return naming{member: member, producer: producer, key: key, random: rand.Text()}
}

// id names a record. The result says why it cannot be named.
func (n naming) id(index int, record []byte) (string, *Result) {
	switch {
	case n.member != "":
		return memberID(n.member, record)
	case n.key != "":
		return derivedID(n.producer, n.key, index, record), nil
	}
	return n.random + "-" + strconv.Itoa(index), nil
}

// derivedID is the same whenever a producer repeats a request with its key. The content is part of it: a key that is
// used again for other records makes other ids, so that no record is taken for another one's repeat.
func derivedID(producer, key string, index int, record []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(producer), []byte(key), binary.BigEndian.AppendUint64(nil, uint64(index)),
		record} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// memberID is the value of a member: a string, or a number as it is written.
func memberID(member string, record []byte) (string, *Result) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(record, &members); err != nil {
		return "", bad("the record is not valid JSON: %v", err)
	}
	value, ok := members[member]
	if !ok {
		return "", bad("the record has no %.100q, which is to be its id", member)
	}
	id := string(value)
	if value[0] == '"' {
		if err := json.Unmarshal(value, &id); err != nil {
			return "", bad("the value of %.100q is not valid JSON: %v", member, err)
		}
	} else if value[0] != '-' && (value[0] < '0' || value[0] > '9') {
		return "", bad("the value of %.100q is to be the id: want a string or a number", member)
	}
	if id == "" || len(id) > maxID || strings.Contains(id, "\n") {
		return "", bad("the value of %.100q is to be the id: want 1 to %d bytes without a line feed", member, maxID)
	}
	return id, nil
}

// partitionKey spreads records over the shards by their ids: repeats meet in one shard.
func partitionKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// checkKey checks an idempotency key; "" is none.
func checkKey(key string) error {
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("Idempotency-Key is %.300q: want up to 255 visible ASCII characters", key)
	}
	return nil
}
