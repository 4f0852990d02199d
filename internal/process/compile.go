// Package process processes chunks: it reads the records that a chunk owns, writes the good ones as Parquet and the bad
// ones to quarantine, and acknowledges what it did. The same code runs in a Lambda and in a worker.
package process

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"dip/contract"
	"dip/internal/catalog"
	"dip/internal/fault"
	"dip/internal/parquet"
	"dip/internal/record"
	"dip/internal/text"
	"dip/tableschema"
)

// Segment is a segment's definition, ready for use.
type Segment struct {
	Name          string
	Dialect       contract.Dialect
	Charset       *text.Charset
	Schema        *tableschema.Schema
	Types         []record.Type
	Partition     *parquet.Partition // nil: by load date
	MaxRecord     int                // bytes
	MaxPartitions int                // of a chunk; 0: the partitioner's default
	Level         int                // of zstd
	Loads         contract.Loads
	Stream        bool // its records arrive by stream

	// What is made once, since it takes longer than a small batch.
	codecs  *parquet.Codecs
	batches *sync.Pool // of *record.Batch, empty

	block int // bytes that are parsed at a time, until a longer record is met
}

// transforms are the values of contract.Partition.By.
var transforms = map[string]parquet.Transform{
	"value": parquet.Identity, "day": parquet.Day, "month": parquet.Month, "year": parquet.Year,
}

// Compile prepares a segment of a catalog. Its errors are permanent: a catalog never changes.
func Compile(name string, s contract.Segment) (*Segment, error) {
	parsed, err := tableschema.Parse(s.Schema)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("schema of segment %s: %w", name, err))
	}
	if err := s.Dialect.Validate(); err != nil {
		return nil, fault.Permanent(fmt.Errorf("dialect of segment %s: %w", name, err))
	}
	c := &Segment{
		Name: name, Dialect: s.Dialect, Charset: text.Of(s.Dialect.Charset), Schema: parsed,
		Types: record.Types(parsed, s.Dialect.Encoding), MaxRecord: s.MaxRecordMB << 20,
		MaxPartitions: s.MaxPartitions, Level: s.Compression.Level(), Loads: s.Loads, Stream: s.Stream != nil,
		block: blockSize, codecs: &parquet.Codecs{}, batches: &sync.Pool{},
	}
	if s.Partition.Field == "" {
		return c, nil
	}
	transform, ok := transforms[s.Partition.By]
	if !ok {
		return nil, fault.Permanent(fmt.Errorf("partition of segment %s: by %q: want one of %q", name, s.Partition.By,
			slices.Sorted(maps.Keys(transforms))))
	}
	c.Partition = &parquet.Partition{Field: s.Partition.Field, Transform: transform}
	if err := c.Partition.Check(c.Types); err != nil {
		return nil, fault.Permanent(fmt.Errorf("partition of segment %s: %w", name, err))
	}
	return c, nil
}

// batch gives an empty batch of these columns, which the order of an input's columns decides.
func (s *Segment) batch(types []record.Type) *record.Batch {
	b, ok := s.batches.Get().(*record.Batch)
	if !ok || !slices.EqualFunc(b.Columns, types, func(c record.Column, t record.Type) bool { return c.Type == t }) {
		return record.NewBatch(types)
	}
	return b
}

// Segments compiles the segments of catalogs and keeps them. The zero value with Catalogs is ready; it may be used by
// several goroutines.
type Segments struct {
	Catalogs *catalog.Reader

	mu       sync.Mutex
	compiled map[[2]string]*Segment
}

// Segment gives a compiled segment of a catalog.
func (c *Segments) Segment(ctx context.Context, key, name string) (*Segment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.compiled[[2]string{key, name}]; ok {
		return s, nil
	}
	definition, err := c.Catalogs.Segment(ctx, key, name)
	if err != nil {
		return nil, err
	}
	s, err := Compile(name, definition)
	if err != nil {
		return nil, err
	}
	if c.compiled == nil {
		c.compiled = map[[2]string]*Segment{}
	}
	c.compiled[[2]string{key, name}] = s
	return s, nil
}
