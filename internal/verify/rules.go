package verify

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"dip/tableschema"
)

// present says that a record has one of the schema's fields: the field's key, or a null in place of an object around
// it.
func present(record jsontext.Value, s *tableschema.Schema) bool {
	for i := range s.Fields {
		path, value := s.Fields[i].Path, record
		for k, name := range path {
			if value = member(value, name); value != nil && (k == len(path)-1 || value.Kind() == 'n') {
				return true
			}
			if value == nil || value.Kind() != '{' {
				break
			}
		}
	}
	return false
}

// member is the value of an object's key, nil when it has none.
func member(object jsontext.Value, name string) jsontext.Value {
	d := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			return nil
		}
		found := key.String() == name
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if found {
			return bytes.Clone(value)
		}
	}
	return nil
}

// lines is how many lines a record has. One whose quotes may be broken is taken for lines that end in LF, CRLF or CR.
func lines(record []byte, broken bool) (n int64) {
	n = 1
	for i, c := range record {
		switch {
		case c == '\n':
			n++
		case c == '\r' && broken && (i+1 == len(record) || record[i+1] != '\n'):
			n++
		}
	}
	return n
}

// unlined says that the certificate is of a time when lines were not counted.
func (v *verification) unlined() bool {
	return v.Certificate.Totals.LinesIn == 0 && v.Certificate.Totals.RowsIn > 0
}
