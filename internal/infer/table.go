package infer

import (
	"encoding/json"
	"errors"
	"fmt"

	"dip/contract"
	"dip/internal/record"
	"dip/tableschema"
)

// table profiles a CSV input: it reads every column as text.
type table struct {
	parser  *record.Parser
	batch   *record.Batch
	columns []*column
}

func newTable(d contract.Dialect, width int) (*table, error) {
	type column struct {
		Name          string   `json:"name"`
		Type          string   `json:"type"`
		MissingValues []string `json:"missingValues"` // none: an empty text is a text
	}
	var texts struct {
		Fields []column `json:"fields"`
	}
	t := &table{}
	for i := range width {
		texts.Fields = append(texts.Fields, column{fmt.Sprintf("c%d", i), untyped, []string{}})
		t.columns = append(t.columns, newColumn())
	}
	text, err := json.Marshal(texts)
	if err != nil {
		return nil, fmt.Errorf("encode a schema of texts: %w", err)
	}
	s, err := tableschema.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("a schema of texts: %w", err)
	}
	if t.parser, err = record.NewParser(s, d, nil, record.Options{Width: width}); err != nil {
		return nil, err
	}
	t.batch = record.NewBatch(t.parser.Types())
	return t, nil
}

// take adds the records of a block. Records that no schema accepts, such as those with too few fields, do not count.
func (t *table) take(block []byte, last bool) (used int, err error) {
	for {
		r := t.parser.Parse(t.batch, block[used:], last)
		used += r.Consumed
		for i := range t.batch.Columns {
			values := &t.batch.Columns[i]
			for k := range values.Ends {
				t.columns[i].add(values.Value(k))
			}
		}
		t.batch.Reset()
		if r.Stop == record.NeedData {
			return used, nil
		}
	}
}

// schema proposes a field for each column. Columns without a name, and those that share one, cannot be fields: they are
// left out.
func (t *table) schema(names []string, r *Result) (s schema, err error) {
	times := map[string]int{}
	for _, name := range names {
		times[name]++
	}
	for i, name := range names {
		if name == "" || times[name] > 1 {
			s.FieldsMatch = string(tableschema.Subset)
			if name == "" {
				r.note("", "column %d has no name in the header: the schema leaves it out", i+1)
			} else {
				r.note("", "column %d has the name %q, which is not the only one: the schema leaves it out", i+1, name)
			}
			continue
		}
		s.Fields = append(s.Fields, t.columns[i].textField(name, r))
	}
	if len(s.Fields) == 0 {
		return s, errors.New("no column has a name of its own in the header: is there one (--no-header)?")
	}
	r.sameInLowerCase(s.Fields)
	return s, nil
}

// textField proposes a field for a column of texts.
func (c *column) textField(name string, r *Result) field {
	f, why := c.typed()
	f.Name = name
	if why != "" {
		r.note(name, "%s", why)
	}
	nulls := c.counts[empty]
	if f.Type != untyped {
		if f.MissingValues = c.stated(); f.MissingValues != nil {
			nulls += c.counts[missing]
			r.note(name, "takes %s for missing values", quoted(f.MissingValues[1:]))
		}
	}
	switch {
	case c.values()+c.counts[missing] == 0:
		r.note(name, "has no values: its type is a guess")
	case nulls == 0:
		f.require()
	}
	return f
}
