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

// Reader reads catalogs and keeps them: a catalog's key is made of its content. The zero value with a Lake is ready;
// it may be used by several goroutines.
type Reader struct {
	Lake Getter

	mu       sync.Mutex
	catalogs map[string]contract.Catalog
}

// Catalog reads a catalog. An object whose content is not what its key was made of is refused for good: a load must be
// treated by the rules that it was received under.
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
		return contract.Catalog{}, fault.Permanent(fmt.Errorf("segment catalog %s has changed: its content belongs to %s", key, named))
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

// Segment looks a segment of a catalog up. A name that the catalog lacks is a permanent error.
func (r *Reader) Segment(ctx context.Context, key, name string) (contract.Segment, error) {
	c, err := r.Catalog(ctx, key)
	if err != nil {
		return contract.Segment{}, err
	}
	s, err := c.Segment(name)
	return s, fault.Permanent(err)
}
