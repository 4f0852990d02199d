package infer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"dip/contract"
	"dip/internal/record"
	"dip/tableschema"
)

// objects profiles an NDJSON input by the keys of its records.
type objects struct {
	keys    map[string]*key
	records int64
	members []member // of the current record
}

// member is a key of a record with its value, a JSON text.
type member struct{ name, value []byte }

// key counts the values of a key by their JSON type.
type key struct {
	name                    string
	strings, numbers        *column
	bools, arrays, children int64 // children are objects
	nulls                   int64
	positions, present      int64 // sum of its positions in the records that have it, and their number
}

func newObjects() *objects { return &objects{keys: map[string]*key{}} }

var lines = contract.Dialect{Encoding: contract.NDJSON}

// take adds the records of a block. Lines that are not objects, and objects without keys, do not count: no schema
// accepts them.
func (o *objects) take(block []byte, last bool) (used int, err error) {
	for used < len(block) {
		n, whole := record.End(block[used:], lines)
		if !whole && !last {
			break
		}
		line := bytes.Trim(block[used:used+n], " \t\r\n")
		used += n
		if len(line) == 0 || line[0] != '{' || !utf8.Valid(line) || !json.Valid(line) {
			continue
		}
		if err := o.add(line); err != nil {
			return used, err
		}
	}
	return used, nil
}

// add adds a record, which is a valid object. One that repeats a key does not count.
func (o *objects) add(line []byte) error {
	o.members = o.members[:0]
	for i := 1; ; i++ { // past the brace or a comma
		if i = skipBlank(line, i); line[i] == '}' {
			break
		}
		end := skipValue(line, i)
		name, err := unquote(line[i:end])
		if err != nil {
			return err
		}
		i = skipBlank(line, skipBlank(line, end)+1) // past the colon
		end = skipValue(line, i)
		if slices.ContainsFunc(o.members, func(m member) bool { return bytes.Equal(m.name, name) }) {
			return nil
		}
		o.members = append(o.members, member{name, line[i:end]})
		if i = skipBlank(line, end); line[i] == '}' {
			break
		}
	}
	if len(o.members) > 0 {
		o.records++
	}
	for position, m := range o.members {
		k := o.keys[string(m.name)]
		if k == nil {
			if len(o.keys) == maxKeys {
				return fmt.Errorf("the records have more than %d different keys: a schema needs a field for each", maxKeys)
			}
			k = &key{name: string(m.name), strings: newColumn(), numbers: newColumn()}
			o.keys[k.name] = k
		}
		k.present++
		k.positions += int64(position)
		if err := k.add(m.value); err != nil {
			return err
		}
	}
	return nil
}

func (k *key) add(value []byte) error {
	switch value[0] {
	case '"':
		text, err := unquote(value)
		if err != nil {
			return err
		}
		k.strings.add(text)
	case '{':
		k.children++
	case '[':
		k.arrays++
	case 't', 'f':
		k.bools++
	case 'n':
		k.nulls++
	default:
		k.numbers.add(value)
	}
	return nil
}

func skipBlank(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skipValue is the offset after the value at b[i] of a valid JSON text.
func skipValue(b []byte, i int) int {
	for depth := 0; ; i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			if depth == 0 { // a number or a word
				for i < len(b) && !bytes.ContainsRune([]byte(",}] \t\r"), rune(b[i])) {
					i++
				}
				return i
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// unquote returns the text of a valid JSON string.
func unquote(quoted []byte) ([]byte, error) {
	if !bytes.ContainsRune(quoted, '\\') {
		return quoted[1 : len(quoted)-1], nil
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, fmt.Errorf("read a string: %w", err)
	}
	return []byte(text), nil
}

// schema proposes a field for each key, in the order in which records have them on average.
func (o *objects) schema(r *Result) (s schema, err error) {
	if o.records == 0 {
		return s, errors.New("the file has no JSON objects with keys")
	}
	ordered := slices.SortedFunc(maps.Values(o.keys), func(a, b *key) int {
		return cmp.Or(cmp.Compare(a.positions*b.present, b.positions*a.present), cmp.Compare(a.name, b.name))
	})
	for _, k := range ordered {
		if k.name == "" {
			r.note("", "some records have an empty key: the schema leaves it out")
			continue
		}
		s.Fields = append(s.Fields, k.field(o.records, r))
	}
	if len(s.Fields) == 0 {
		return s, errors.New("no key has a name")
	}
	r.sameInLowerCase(s.Fields)
	return s, nil
}

// field proposes a field for a key of so many records.
func (k *key) field(records int64, r *Result) field {
	f, why := k.typed()
	f.Name = k.name
	if why != "" {
		r.note(k.name, "%s", why)
	}
	values := k.children + k.arrays + k.bools + k.numbers.values()
	switch texts := k.strings; f.Type {
	case untyped, string(tableschema.Any): // every string is a value
		values += texts.values() + texts.counts[missing] + texts.counts[empty]
	default:
		if values += texts.values(); texts.counts[missing] > 0 {
			f.MissingValues = texts.stated()
			r.note(k.name, "takes %s for missing values", quoted(f.MissingValues[1:]))
		}
	}
	switch {
	case values == 0:
		r.note(k.name, "has no values: its type is a guess")
	case values == records:
		f.require()
	}
	return f
}

// typed proposes the type of a key: any when its values have no common type.
func (k *key) typed() (field, string) {
	texts := k.strings.values() + k.strings.counts[missing]
	numbers := k.numbers.values()
	kinds := 0
	for _, n := range []int64{texts, numbers, k.bools, k.arrays, k.children} {
		if n > 0 {
			kinds++
		}
	}
	anything := field{Type: string(tableschema.Any)}
	switch {
	case kinds == 0 && k.strings.counts[empty] > 0:
		return field{Type: untyped}, ""
	case kinds == 0:
		return anything, ""
	case kinds > 1 && texts > 0 && texts == k.strings.counts[missing]:
		kinds-- // texts for missing values among values of another type
	case kinds == 1 && texts > 0:
		f, why := k.strings.typed()
		if k.strings.counts[date]+k.strings.counts[datetime]+k.strings.counts[instant]+k.strings.counts[clock]+
			k.strings.counts[formatted] == 0 {
			return field{Type: untyped}, "" // a string of digits is meant as a string
		}
		return f, why
	}
	switch {
	case kinds > 1:
		return anything, "has values of several JSON types: they stay as they are"
	case k.children > 0:
		return field{Type: string(tableschema.Object)}, "is an object, which stays JSON: \"path\" takes fields out of it"
	case k.arrays > 0:
		return field{Type: string(tableschema.Array)}, ""
	case k.bools > 0:
		return field{Type: string(tableschema.Boolean)}, ""
	}
	f, why := k.numbers.typed()
	if f.Type == untyped { // a string field takes no JSON numbers
		f = anything
	}
	return f, why
}
