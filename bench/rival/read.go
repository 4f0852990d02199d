package rival

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
)

func readCSV(r io.Reader, j Job, t *table) error {
	in := csv.NewReader(r)
	in.Comma, in.FieldsPerRecord, in.ReuseRecord = rune(j.Comma[0]), j.Width, true
	if _, err := in.Read(); err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	for {
		record, err := in.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for i, c := range j.Columns {
			if text := record[c.At]; text == "" {
				t.null(i)
			} else if err := t.append(i, text); err != nil {
				return err
			}
		}
		if err := t.end(); err != nil {
			return err
		}
	}
}

// readJSON decodes records into a struct that has the wanted keys alone, which is the fastest that encoding/json does.
func readJSON(r *bufio.Reader, j Job, t *table) error {
	root := &node{}
	for i, c := range j.Columns {
		root.add(c.Path, i, j.Columns)
	}
	record := reflect.New(root.structure()).Elem()
	for in := json.NewDecoder(r); ; {
		record.SetZero()
		if err := in.Decode(record.Addr().Interface()); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := root.appendTo(t, record); err != nil {
			return err
		}
		if err := t.end(); err != nil {
			return err
		}
	}
}

// node is an object of the records, or a value in it.
type node struct {
	key     string
	members []*node
	column  int          // of a value
	typ     reflect.Type // of a value
}

func (n *node) add(path []string, column int, columns []Column) {
	if len(path) == 0 {
		n.column, n.typ = column, goType(columns[column].Kind)
		return
	}
	for _, m := range n.members {
		if m.key == path[0] {
			m.add(path[1:], column, columns)
			return
		}
	}
	m := &node{key: path[0]}
	n.members = append(n.members, m)
	m.add(path[1:], column, columns)
}

// goType is what a kind is decoded into; nil is null.
func goType(kind string) reflect.Type {
	switch kind {
	case Bool:
		return reflect.TypeFor[*bool]()
	case Int64:
		return reflect.TypeFor[*int64]()
	case Float64:
		return reflect.TypeFor[*float64]()
	case JSON:
		return reflect.TypeFor[json.RawMessage]()
	}
	return reflect.TypeFor[*string]()
}

func (n *node) structure() reflect.Type {
	if n.typ != nil {
		return n.typ
	}
	fields := make([]reflect.StructField, len(n.members))
	for i, m := range n.members {
		fields[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: m.structure(),
			Tag: reflect.StructTag(fmt.Sprintf("json:%q", m.key))}
	}
	return reflect.StructOf(fields)
}

func (n *node) appendTo(t *table, v reflect.Value) error {
	if n.typ == nil {
		for i, m := range n.members {
			if err := m.appendTo(t, v.Field(i)); err != nil {
				return err
			}
		}
		return nil
	}
	raw, isRaw := v.Interface().(json.RawMessage)
	if v.IsNil() || isRaw && string(raw) == "null" {
		t.null(n.column)
		return nil
	}
	return t.appendValue(n.column, v.Interface())
}
