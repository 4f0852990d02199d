package infer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"dip/tableschema"
)

// schema is the proposed schema.
type schema struct {
	Fields      []field
	FieldsMatch string
}

// encode writes a schema as the files in schemas are: one field a line. It fails if the schema is not valid.
func encode(s schema) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteString("{\n  \"$schema\": \"https://datapackage.org/profiles/2.0/tableschema.json\",\n")
	if s.FieldsMatch != "" {
		fmt.Fprintf(&b, "  \"fieldsMatch\": %q,\n", s.FieldsMatch)
	}
	b.WriteString("  \"fields\": [\n")
	for i, f := range s.Fields {
		var line bytes.Buffer
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		if err := e.Encode(f); err != nil {
			return nil, fmt.Errorf("encode field %q: %w", f.Name, err)
		}
		b.WriteString("    " + spaced(strings.TrimSpace(line.String())))
		if i < len(s.Fields)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("  ]\n}\n")
	if _, err := tableschema.Parse(b.Bytes()); err != nil {
		return nil, fmt.Errorf("the proposed schema: %w", err)
	}
	return b.Bytes(), nil
}

// spaced puts a space after the colons and commas of compact JSON.
func spaced(compact string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		b.WriteByte(c)
		switch {
		case c == '\\':
			i++
			b.WriteByte(compact[i])
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ':' || c == ','):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// quoted lists texts for a person.
func quoted(texts []string) string {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = tableschema.Quote([]byte(t), 60)
	}
	return strings.Join(list, ", ")
}
