// Package segment processes chunks: it reads the records that a chunk owns, writes the good ones as Parquet and the bad
// ones to quarantine, and acknowledges what it did. The same code runs in a Lambda and in a worker.
package segment

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"dip/contract"
	"dip/contract/schema"
	"dip/internal/columnar"
	"dip/internal/fault"
	"dip/internal/record"
)

// Segment is a segment's definition, ready for use.
type Segment struct {
	Name      string
	Dialect   contract.Dialect
	Schema    *schema.Schema
	Types     []record.Type
	Partition *columnar.Partition // nil: by load date
	MaxRecord int                 // bytes

	block int // bytes that are parsed at a time, until a longer record is met
}

// transforms are the values of contract.Partition.By.
var transforms = map[string]columnar.Transform{
	"value": columnar.Identity, "day": columnar.Day, "month": columnar.Month, "year": columnar.Year,
}

// Compile prepares a segment of a catalog. Its errors are permanent: a catalog never changes.
func Compile(name string, s contract.Segment) (*Segment, error) {
	parsed, err := schema.Parse(s.Schema)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("schema of segment %s: %w", name, err))
	}
	if err := s.Dialect.Validate(); err != nil {
		return nil, fault.Permanent(fmt.Errorf("dialect of segment %s: %w", name, err))
	}
	c := &Segment{
		Name: name, Dialect: s.Dialect, Schema: parsed,
		Types: record.Types(parsed, s.Dialect.Encoding), MaxRecord: s.MaxRecordMB << 20, block: blockSize,
	}
	if s.Partition.Field == "" {
		return c, nil
	}
	transform, ok := transforms[s.Partition.By]
	if !ok {
		return nil, fault.Permanent(fmt.Errorf("partition of segment %s: by %q: want one of %q", name, s.Partition.By, slices.Sorted(maps.Keys(transforms))))
	}
	c.Partition = &columnar.Partition{Field: s.Partition.Field, Transform: transform}
	if err := c.Partition.Check(c.Types); err != nil {
		return nil, fault.Permanent(fmt.Errorf("partition of segment %s: %w", name, err))
	}
	return c, nil
}

// Getter reads small objects of the lake bucket.
type Getter interface {
	Get(ctx context.Context, key string) ([]byte, error)
}

// Catalogs reads catalogs and keeps them: a catalog's key is made of its content. The zero value with a Lake is ready;
// it may be used by several goroutines.
type Catalogs struct {
	Lake Getter

	mu       sync.Mutex
	catalogs map[string]contract.Catalog
	compiled map[[2]string]*Segment
}

// Catalog reads a catalog.
func (c *Catalogs) Catalog(ctx context.Context, key string) (contract.Catalog, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.catalog(ctx, key)
}

func (c *Catalogs) catalog(ctx context.Context, key string) (contract.Catalog, error) {
	if catalog, ok := c.catalogs[key]; ok {
		return catalog, nil
	}
	data, err := c.Lake.Get(ctx, key)
	if err != nil {
		return contract.Catalog{}, fmt.Errorf("read segment catalog: %w", err)
	}
	var catalog contract.Catalog
	if err := json.Unmarshal(data, &catalog); err != nil {
		return contract.Catalog{}, fault.Permanent(fmt.Errorf("segment catalog %s: %w", key, err))
	}
	if catalog.Version > contract.Version {
		return contract.Catalog{}, fault.Permanent(fmt.Errorf("segment catalog %s: version %d, this code reads up to %d", key, catalog.Version, contract.Version))
	}
	if c.catalogs == nil {
		c.catalogs, c.compiled = map[string]contract.Catalog{}, map[[2]string]*Segment{}
	}
	c.catalogs[key] = catalog
	return catalog, nil
}

// Segment gives a compiled segment of a catalog.
func (c *Catalogs) Segment(ctx context.Context, key, name string) (*Segment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.compiled[[2]string{key, name}]; ok {
		return s, nil
	}
	catalog, err := c.catalog(ctx, key)
	if err != nil {
		return nil, err
	}
	def, err := catalog.Segment(name)
	if err != nil {
		return nil, fault.Permanent(err)
	}
	s, err := Compile(name, def)
	if err != nil {
		return nil, err
	}
	c.compiled[[2]string{key, name}] = s
	return s, nil
}
