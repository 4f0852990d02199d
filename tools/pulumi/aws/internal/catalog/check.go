package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Used lists what a program uses: for each resource or function token the names
// of its properties. A dot separates the names of nested properties.
type Used map[string][]string

// ReadUsed reads a JSON object of tokens to lists of property names.
func ReadUsed(r io.Reader) (Used, error) {
	var u Used
	if err := json.NewDecoder(r).Decode(&u); err != nil {
		return nil, fmt.Errorf("read the list of used tokens: %w", err)
	}
	return u, nil
}

// Check reports, in one error, each token and property that the catalog lacks.
func (c *Catalog) Check(used Used) error {
	var errs []error
	for _, tok := range slices.Sorted(maps.Keys(used)) {
		t, err := c.Resource(tok)
		if errors.Is(err, ErrUnknown) {
			t, err = c.Function(tok)
		}
		if errors.Is(err, ErrUnknown) {
			errs = append(errs, fmt.Errorf("%s: no such resource or function", tok))
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, prop := range used[tok] {
			if !has(t.Fields, strings.Split(prop, ".")) {
				errs = append(errs, fmt.Errorf("%s: no property %s", tok, prop))
			}
		}
	}
	return errors.Join(errs...)
}

func has(fields map[string]*Field, path []string) bool {
	for _, f := range fields {
		if f.Name == path[0] {
			// Below a field without named parts (a map, JSON text) any name goes.
			return len(path) == 1 || f.Elem == nil || has(f.Elem, path[1:])
		}
	}
	return false
}

// Counts returns the number of resources and functions.
func (c *Catalog) Counts() (nResources, nFunctions int) {
	for _, n := range c.names {
		switch {
		case strings.HasPrefix(n, resources):
			nResources++
		case strings.HasPrefix(n, functions):
			nFunctions++
		}
	}
	return nResources, nFunctions
}
