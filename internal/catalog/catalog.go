// Package catalog reads the segment catalogs that loads are pinned to.
package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"dip/contract"
	"dip/internal/fault"
)

// Getter reads small objects of the lake bucket.
type Getter interface {
	Get(ctx context.Context, key string) ([]byte, error)
}

// Reader reads and caches catalogs: a catalog's key derives from its content. The zero value with a Lake is ready to
// use, and safe for concurrent use.
type Reader struct {
	Lake Getter

	mu       sync.Mutex
	catalogs map[string]contract.Catalog
}

// Catalog reads a catalog. Content that does not match its key is a permanent error: a load must be processed by the
// rules that it was received under.
func (r *Reader) Catalog(ctx context.Context, key string) (contract.Catalog, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.catalogs[key]; ok {
		return c, nil
	}
	data, err := r.Lake.Get(ctx, key)
	if err != nil {
		return contract.Catalog{}, fmt.Errorf("read segment catalog: %w", err)
	}
	if named := contract.CatalogKey(data); named != key {
		return contract.Catalog{},
			fault.Permanent(fmt.Errorf("segment catalog %s was changed: its content has key %s", key, named))
	}
	var c contract.Catalog
	if err := json.Unmarshal(data, &c); err != nil {
		return contract.Catalog{}, fault.Permanent(fmt.Errorf("segment catalog %s: %w", key, err))
	}
	if c.Version > contract.Version {
		return contract.Catalog{}, fault.Permanent(fmt.Errorf("segment catalog %s: version %d, this code reads up to %d",
			key, c.Version, contract.Version))
	}
	if r.catalogs == nil {
		r.catalogs = map[string]contract.Catalog{}
	}
	r.catalogs[key] = c
	return c, nil
}

// Segment returns a segment of a catalog. A name that the catalog lacks is a permanent error.
func (r *Reader) Segment(ctx context.Context, key, name string) (contract.Segment, error) {
	c, err := r.Catalog(ctx, key)
	if err != nil {
		return contract.Segment{}, err
	}
	s, err := c.Segment(name)
	return s, fault.Permanent(err)
}
