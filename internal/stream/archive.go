package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"

	"dip/contract"
	"dip/internal/interval"
	"dip/internal/lake"
	"dip/internal/record"
)

// Sink stores objects write-once.
type Sink interface {
	PutOnce(ctx context.Context, key, contentType string, body io.ReadSeeker, sha256Hex string) error
}

// Lake reads and stores small objects.
type Lake interface {
	Sink
	Get(ctx context.Context, key string) ([]byte, error)
	Bucket() string
}

func store(ctx context.Context, to Sink, key, contentType string, data []byte) error {
	return to.PutOnce(ctx, key, contentType, bytes.NewReader(data), lake.Hash(data))
}

// zips are used again: a batch takes less memory than what compresses it.
var zips = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

// pack gives the bytes of an archived batch.
func pack(records []arrived) ([]byte, error) {
	var out bytes.Buffer
	z := zips.Get().(*gzip.Writer)
	defer zips.Put(z)
	z.Reset(&out)
	lines := json.NewEncoder(z)
	for _, r := range records {
		if err := lines.Encode(r.StreamRecord); err != nil {
			return nil, fmt.Errorf("archive record %s: %w", r.Sequence, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("archive records: %w", err)
	}
	return out.Bytes(), nil
}

// unpack reads an archived batch, and checks that it is the one that was recorded.
func unpack(ctx context.Context, from Lake, b contract.Archived) ([]arrived, error) {
	data, err := from.Get(ctx, b.Key)
	if err != nil {
		return nil, err
	}
	if sum := lake.Hash(data); sum != b.SHA256 {
		return nil, fmt.Errorf("the archived batch %s has the SHA-256 %s, want %s", b.Key, sum, b.SHA256)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", b.Key, err)
	}
	var list []arrived
	for lines := json.NewDecoder(z); ; {
		var line contract.StreamRecord
		if err := lines.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", b.Key, err)
		}
		a, err := arrive(line)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", b.Key, err)
		}
		list = append(list, a)
	}
	if n, sum := tally(list); n != b.Records || sum.String() != b.Sum {
		return nil, fmt.Errorf("the archived batch %s has %d records with the sum %s, want %d with %s", b.Key, n, sum,
			b.Records, b.Sum)
	}
	return list, nil
}

// tally counts records, markers left out.
func tally(list []arrived) (n int64, sum record.Sum) {
	for _, r := range list {
		if r.message.Marker == 0 {
			n, sum = n+1, sum.Plus(r.digest.Sum)
		}
	}
	return n, sum
}

// inline is the longest encoded set that the ledger keeps, bytes: an item holds 400 KB, and base64 takes a third more.
const inline = 64 << 10

// keep gives a set of records as the ledger and certificates have it. A large one is stored as an object.
func keep(ctx context.Context, to Sink, shard string, set interval.Set, key string) (contract.Cover, error) {
	data := set.Encode()
	c := contract.Cover{Shard: shard, Records: data}
	if len(data) > inline {
		c.Records = nil
		c.Stored = &contract.Output{Key: key, Rows: int64(len(set)), Bytes: int64(len(data)), SHA256: lake.Hash(data)}
		if err := store(ctx, to, key, "application/octet-stream", data); err != nil {
			return c, err
		}
	}
	return c, nil
}

// setOf reads what keep has kept.
func setOf(ctx context.Context, from Lake, c contract.Cover) (interval.Set, error) {
	data := c.Records
	if c.Stored != nil {
		var err error
		if data, err = from.Get(ctx, c.Stored.Key); err != nil {
			return nil, err
		}
		if lake.Hash(data) != c.Stored.SHA256 {
			return nil, fmt.Errorf("%s does not have the SHA-256 that was acknowledged", c.Stored.Key)
		}
	}
	return interval.DecodeSet(data)
}
