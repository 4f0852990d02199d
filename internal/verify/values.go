package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/zeebo/xxh3"

	"dip/contract"
	"dip/tableschema"
)

// sum is an order-independent hash of a set of byte strings: each half of their 128-bit xxh3 hashes added up modulo
// 2^64. It is what the certificate's hashes are defined as.
type sum struct{ hi, lo uint64 }

func (s *sum) add(b []byte) {
	h := xxh3.Hash128(b)
	s.hi, s.lo = s.hi+h.Hi, s.lo+h.Lo
}

func (s *sum) plus(o sum) { s.hi, s.lo = s.hi+o.hi, s.lo+o.lo }

func (s sum) String() string { return fmt.Sprintf("%016x%016x", s.hi, s.lo) }

// row encodes a row's values as a text that differs for different rows.
type row struct{ b []byte }

func (r *row) null() { r.b = append(r.b, 'n') }
func (r *row) int(v int64) {
	r.b = binary.BigEndian.AppendUint64(append(r.b, 'i'), uint64(v))
}
func (r *row) float(v float64) {
	bits := math.Float64bits(v)
	if math.IsNaN(v) {
		bits = math.Float64bits(math.NaN())
	}
	r.b = binary.BigEndian.AppendUint64(append(r.b, 'f'), bits)
}
func (r *row) bool(v bool) {
	if v {
		r.b = append(r.b, 't')
	} else {
		r.b = append(r.b, 'F')
	}
}
func (r *row) text(v []byte) {
	r.b = append(binary.BigEndian.AppendUint64(append(r.b, 's'), uint64(len(v))), v...)
}

// value adds a cast value in the form that its field's column has.
func (r *row) value(f *tableschema.Field, v tableschema.Value, text []byte) {
	switch f.Type {
	case tableschema.Integer, tableschema.Year, tableschema.Date, tableschema.Time, tableschema.Datetime:
		r.int(v.Int)
	case tableschema.Number:
		if f.Decimal != nil {
			r.int(v.Int)
		} else {
			r.float(v.Float)
		}
	case tableschema.Boolean:
		r.bool(v.Bool)
	default:
		r.text(text)
	}
}

// values reads a record's values. The error says why it does not fit the schema.
func values(s *tableschema.Schema, d contract.Dialect, columns []int, width int, rec raw) (row, error) {
	var r row
	if !utf8.Valid(rec.bytes) {
		return r, errors.New("is not UTF-8")
	}
	if d.Encoding == contract.NDJSON {
		return r, r.object(s, rec.bytes)
	}
	if rec.malformed {
		return r, errors.New("breaks the rules of quoting")
	}
	if len(rec.fields) != width {
		return r, fmt.Errorf("has %d fields, want %d", len(rec.fields), width)
	}
	for i := range s.Fields {
		column := i
		if columns != nil {
			column = columns[i]
		}
		var text []byte
		if column >= 0 {
			text = rec.fields[column]
		}
		if column < 0 || s.Fields[i].Missing(text) {
			if s.Fields[i].Required {
				return r, fmt.Errorf("%s is required", s.Fields[i].Name)
			}
			r.null()
			continue
		}
		if err := r.cast(&s.Fields[i], text); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *row) cast(f *tableschema.Field, text []byte) error {
	v, err := f.Cast(text)
	return r.checked(f, v, text, err)
}

func (r *row) checked(f *tableschema.Field, v tableschema.Value, text []byte, err error) error {
	if err == nil && f.Constrained() {
		err = f.Check(v, text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	r.value(f, v, text)
	return nil
}

// maxDepth of nesting in a JSON record.
const maxDepth = 512

// object reads one JSON object with a strict general-purpose parser and picks the schema's values out of it.
func (r *row) object(s *tableschema.Schema, line []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(line), jsontext.AllowDuplicateNames(true))
	whole, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	whole = bytes.Clone(whole)
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("has data after its object")
	}
	if whole.Kind() != '{' {
		return errors.New("is not an object")
	}
	if depth(whole) > maxDepth {
		return fmt.Errorf("nests deeper than %d", maxDepth)
	}
	paths := &keyed{}
	for i := range s.Fields {
		paths.add(s.Fields[i].Path, &s.Fields[i])
	}
	found := map[*tableschema.Field]jsontext.Value{}
	if err := paths.pick(whole, found); err != nil {
		return err
	}
	if !present(whole, s) {
		return errors.New("has none of the schema's fields")
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		if err := r.json(f, found[f]); err != nil {
			return err
		}
	}
	return nil
}

func depth(v jsontext.Value) int {
	deepest := 0
	d := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true))
	for {
		if _, err := d.ReadToken(); err != nil {
			return deepest
		}
		deepest = max(deepest, d.StackDepth())
	}
}

// keyed is what the schema expects at one key.
type keyed struct {
	field *tableschema.Field // the value is that of a field; nil when it is not
	inner map[string]*keyed  // the value is an object, and these of its keys matter; nil when none does
}

func (k *keyed) add(path []string, f *tableschema.Field) {
	if len(path) == 0 {
		k.field = f
		return
	}
	if k.inner == nil {
		k.inner = map[string]*keyed{}
	}
	if k.inner[path[0]] == nil {
		k.inner[path[0]] = &keyed{}
	}
	k.inner[path[0]].add(path[1:], f)
}

// pick collects the values of the fields. A key that matters occurs once. A value that fields are read from is an
// object or null, unless it is a field itself and may be anything.
func (k *keyed) pick(value jsontext.Value, found map[*tableschema.Field]jsontext.Value) error {
	if k.field != nil {
		found[k.field] = value
	}
	if k.inner == nil {
		return nil
	}
	if value.Kind() != '{' {
		if k.field == nil && value.Kind() != 'n' {
			return errors.New("has no object where the schema reads fields from one")
		}
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	seen := map[*keyed]bool{}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		inner := k.inner[name.String()]
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if inner == nil {
			continue
		}
		if seen[inner] {
			return fmt.Errorf("has the key %q twice", name)
		}
		seen[inner] = true
		if err := inner.pick(bytes.Clone(value), found); err != nil {
			return err
		}
	}
	return nil
}

// json adds a JSON value, nil when there is none.
func (r *row) json(f *tableschema.Field, v jsontext.Value) error {
	missing := len(v) == 0 || v.Kind() == 'n'
	var text []byte
	if !missing && v.Kind() == '"' {
		var err error
		if text, err = jsontext.AppendUnquote(nil, v); err != nil {
			return err
		}
		missing = f.Missing(text) && (f.StatedMissing || !keepsEmpty(f))
	}
	switch {
	case missing && f.Required:
		return fmt.Errorf("%s is required", f.Name)
	case missing:
		r.null()
		return nil
	case isJSON(f):
		if want := map[tableschema.Type]jsontext.Kind{tableschema.Object: '{', tableschema.Geojson: '{',
			tableschema.Array: '['}[f.Type]; want != 0 && v.Kind() != want {
			return fmt.Errorf("%s: is not of type %s", f.Name, f.Type)
		}
		return r.checked(f, tableschema.Value{}, v, nil)
	case v.Kind() == '"':
		return r.cast(f, text)
	case v.Kind() == '0' && (f.Type == tableschema.Integer || f.Type == tableschema.Number || f.Type == tableschema.Year):
		n, err := f.CastNumber(v)
		return r.checked(f, n, v, err)
	case (v.Kind() == 't' || v.Kind() == 'f') && f.Type == tableschema.Boolean:
		return r.checked(f, tableschema.Value{Bool: v.Kind() == 't'}, nil, nil)
	case f.Type == tableschema.Geopoint &&
		(f.Format == "array" && v.Kind() == '[' || f.Format == "object" && v.Kind() == '{'):
		return r.cast(f, v)
	}
	return fmt.Errorf("%s: is not of type %s", f.Name, f.Type)
}

// isJSON says whether the field keeps any JSON value unchanged.
func isJSON(f *tableschema.Field) bool {
	switch f.Type {
	case tableschema.Object, tableschema.Array, tableschema.Geojson, tableschema.Any:
		return true
	}
	return false
}

// keepsEmpty says whether "" is an ordinary value of the field, unless the schema states missing values.
func keepsEmpty(f *tableschema.Field) bool {
	return f.Type == tableschema.String || f.Type == tableschema.Any
}
