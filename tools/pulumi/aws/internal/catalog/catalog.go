// Package catalog holds what pairs the Pulumi aws SDK with the Terraform
// provider: for each Pulumi token its Terraform type, schema and property names.
// cmd/mapgen writes it as one zip file; the plugin reads single entries of it.
package catalog

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"dip/tools/pulumi/aws/internal/schema"
	"dip/tools/pulumi/aws/tfplugin5"
)

// Field says how one Terraform attribute or block appears in Pulumi.
type Field struct {
	Name  string            `json:"n"`           // Pulumi property name
	Flat  bool              `json:"f,omitempty"` // a list of at most one element, shown as the element
	Asset string            `json:"a,omitempty"` // "archive" or "asset": the attribute is a file name
	Hash  string            `json:"h,omitempty"` // Asset: the attribute that takes the content's hash
	JSON  bool              `json:"j,omitempty"` // text that may be given as an object
	Elem  map[string]*Field `json:"e,omitempty"` // fields of the object inside, by Terraform name
}

// AutoName says which property gets a generated name when the program gives none.
type AutoName struct {
	Attr   string `json:"attr"`             // Terraform attribute
	Max    int    `json:"max"`              // longest name, in characters
	Lower  bool   `json:"lower,omitempty"`  // lower case only
	FIFO   string `json:"fifo,omitempty"`   // Terraform bool attribute that asks for the ending .fifo
	Prefix string `json:"prefix,omitempty"` // what the name must begin with
}

// Entry is one resource, function or the provider itself, as stored.
type Entry struct {
	TF       string            `json:"tf"`
	Fields   map[string]*Field `json:"fields"`
	AutoName *AutoName         `json:"autoName,omitempty"`
	Schema   []byte            `json:"schema"` // tfplugin5.Schema
}

// Type is an Entry with its schema read.
type Type struct {
	TF       string
	Fields   map[string]*Field
	AutoName *AutoName
	Node     *schema.Node
	Version  int64 // of the schema, for state upgrades
}

// ErrUnknown says that the catalog has no such token.
var ErrUnknown = errors.New("not in the catalog")

// The kinds of entries; each is the folder of its entries in the file.
const (
	resources = "resources/"
	functions = "functions/"
	provider  = "provider"
)

// FileName is the name of the catalog beside the plugin binary.
const FileName = "catalog.zip"

// Catalog reads entries on demand. It is safe for concurrent use.
type Catalog struct {
	read  func(name string) ([]byte, error)
	names []string
	close func() error

	mu    sync.Mutex
	types map[string]*Type
}

// Open opens the file that Write wrote.
func Open(path string) (*Catalog, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("open the catalog of AWS types %s: %w", path, err)
	}
	c := &Catalog{types: map[string]*Type{}, close: z.Close}
	for _, f := range z.File {
		c.names = append(c.names, f.Name)
	}
	byName := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		byName[f.Name] = f
	}
	c.read = func(name string) ([]byte, error) {
		f := byName[name]
		if f == nil {
			return nil, ErrUnknown
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		return b, errors.Join(err, r.Close())
	}
	return c, nil
}

// Close closes the file.
func (c *Catalog) Close() error { return c.close() }

// Resource returns the type of a resource token. The error wraps ErrUnknown when
// the catalog has none.
func (c *Catalog) Resource(token string) (*Type, error) { return c.load(resources + token) }

// Function returns the type of a function token, as Resource does.
func (c *Catalog) Function(token string) (*Type, error) { return c.load(functions + token) }

// Provider returns the provider's own settings.
func (c *Catalog) Provider() (*Type, error) { return c.load(provider) }

func (c *Catalog) load(name string) (*Type, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.types[name]; t != nil {
		return t, nil
	}
	b, err := c.read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var e Entry
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("read %s of the catalog: %w", name, err)
	}
	t, err := e.parse()
	if err != nil {
		return nil, fmt.Errorf("read %s of the catalog: %w", name, err)
	}
	c.types[name] = t
	return t, nil
}

func (e *Entry) parse() (*Type, error) {
	var s tfplugin5.Schema
	if err := proto.Unmarshal(e.Schema, &s); err != nil {
		return nil, err
	}
	n, err := schema.FromBlock(s.Block)
	if err != nil {
		return nil, err
	}
	return &Type{TF: e.TF, Fields: e.Fields, AutoName: e.AutoName, Node: n, Version: s.Version}, nil
}

// Contents is a whole catalog, keyed by Pulumi token.
type Contents struct {
	Resources map[string]*Entry
	Functions map[string]*Entry
	Provider  *Entry
}

func (c *Contents) entries() map[string]*Entry {
	all := map[string]*Entry{provider: c.Provider}
	for tok, e := range c.Resources {
		all[resources+tok] = e
	}
	for tok, e := range c.Functions {
		all[functions+tok] = e
	}
	return all
}

// Write writes the catalog file. Equal contents give equal bytes.
func (c *Contents) Write(w io.Writer) error {
	z := zip.NewWriter(w)
	all := c.entries()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b, err := json.Marshal(all[name])
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		f, err := z.Create(name)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if _, err := f.Write(b); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return z.Close()
}

// Catalog serves the contents from memory.
func (c *Contents) Catalog() *Catalog {
	all := c.entries()
	return &Catalog{
		types: map[string]*Type{},
		names: slices.Sorted(maps.Keys(all)),
		close: func() error { return nil },
		read: func(name string) ([]byte, error) {
			e := all[name]
			if e == nil {
				return nil, ErrUnknown
			}
			return json.Marshal(e)
		},
	}
}
