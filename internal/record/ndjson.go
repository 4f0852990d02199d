package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"dip/tableschema"
)

// maxDepth is how deeply arrays and objects may nest, the record itself included.
const maxDepth = 512

// node is an object of a record that fields are read from.
type node struct {
	keys []key
	by   map[string]int // by name; only where comparing each of many is slower
	next int            // the key that is expected: most records of an input have the same order

	steps []step // what keys were written like, in the order in which they came
	at    int    // the step that is expected
}

// step is a key as it stood in a record, from its first quote to its colon. What it is was found out then.
type step struct {
	text string
	key  int // -1: none that matters
}

const (
	maxSteps  = 64 // of a node
	stepBytes = 64 // of a step
	stepsSeen = 8  // steps that foresee tries
)

// foresee compares b[i:] with the keys that may come next. It returns the step it found and the offset after it.
func (n *node) foresee(b []byte, i int) (s *step, end int) {
	for at := n.at; at < min(n.at+stepsSeen, len(n.steps)); at++ {
		if s = &n.steps[at]; len(s.text) <= len(b)-i && string(b[i:i+len(s.text)]) == s.text {
			n.at = at + 1
			return s, i + len(s.text)
		}
	}
	return nil, 0
}

// learn notes how a key was written that foresee did not find.
func (n *node) learn(text []byte, key int) {
	if at := slices.IndexFunc(n.steps, func(s step) bool { return s.text == string(text) }); at >= 0 {
		n.at = at + 1
		return
	}
	if len(n.steps) < maxSteps && len(text) <= stepBytes {
		n.steps = slices.Insert(n.steps, n.at, step{string(text), key})
		n.at++
	}
}

// key is a key of a node that matters: its value is a field, or an object that fields are read from, or both.
type key struct {
	name   string
	path   string
	field  int    // -1: none
	node   *node  // nil: none
	record uint64 // the last record that had it, to find repeated keys
}

const manyKeys = 12

// compilePaths arranges the fields' paths as a tree.
func compilePaths(fields []field) (*node, error) {
	root := &node{}
	for i := range fields {
		n := root
		path := fields[i].Path
		for depth, name := range path {
			at := n.find(name)
			if at < 0 {
				at = len(n.keys)
				n.keys = append(n.keys, key{name: name, path: strings.Join(path[:depth+1], "."), field: -1})
			}
			k := &n.keys[at]
			if depth == len(path)-1 {
				if k.field >= 0 {
					return nil, fmt.Errorf("fields %q and %q have the same path", fields[k.field].Type.Name, fields[i].Type.Name)
				}
				k.field = i
			} else {
				if k.node == nil {
					k.node = &node{}
				}
				n = k.node
			}
		}
	}
	root.index()
	return root, nil
}

func (n *node) find(name string) int {
	for i := range n.keys {
		if n.keys[i].name == name {
			return i
		}
	}
	return -1
}

func (n *node) index() {
	if len(n.keys) >= manyKeys {
		n.by = make(map[string]int, len(n.keys))
		for i := range n.keys {
			n.by[n.keys[i].name] = i
		}
	}
	for i := range n.keys {
		if n.keys[i].node != nil {
			n.keys[i].node.index()
		}
	}
}

// lookup finds a key by its decoded name; -1 when it does not matter.
func (n *node) lookup(name []byte) int {
	at := -1
	if n.next < len(n.keys) && n.keys[n.next].name == string(name) {
		at = n.next
	} else if n.by != nil {
		var ok bool
		if at, ok = n.by[string(name)]; !ok {
			return -1
		}
	} else {
		for i := range n.keys {
			if n.keys[i].name == string(name) {
				at = i
				break
			}
		}
		if at < 0 {
			return -1
		}
	}
	n.next = at + 1
	return at
}

// ndjson reads the line at data[i] and returns the offset after it.
func (p *Parser) ndjson(b *Batch, data []byte, i int, final bool) (end int, o outcome) {
	n := bytes.IndexByte(data[i:], '\n')
	if n < 0 {
		if !final {
			return i, cutOff
		}
		n = len(data) - i - 1
	}
	end = i + n + 1
	line := Trim(data[i:end])
	at := skipSpace(line, 0)
	if at == len(line) {
		return end, blank
	}
	if !p.validWithin(data, i, i+len(line)) {
		return end, rejected
	}
	if line[at] != '{' {
		if stop := p.skipValue(line, at, 0); stop < 0 || skipSpace(line, stop) != len(line) {
			return end, p.reject(nil, "is not a JSON object: %s", tableschema.Quote(line, shown))
		}
		return end, p.reject(nil, "is %s, want an object", jsonKind(line[at]))
	}
	p.record++
	p.found = false
	stop := p.object(b, line, at, p.root, 0)
	if stop < 0 {
		return end, rejected
	}
	if stop = skipSpace(line, stop); stop != len(line) {
		return end, p.reject(nil, "has data after its object, at byte %d", stop)
	}
	if !p.found {
		return end, p.reject(nil, "has none of the schema's fields%s", p.otherCase(line, p.fields))
	}
	for f := range p.fields {
		if len(b.Columns[f].Present) == b.Rows && !p.null(b, f) {
			p.fault.reason += p.otherCase(line, p.fields[f:f+1])
			return end, rejected
		}
	}
	return end, accepted
}

// object reads the object at line[i], a brace, into the fields of n, and returns the offset after it: -1 after noting
// the fault.
func (p *Parser) object(b *Batch, line []byte, i int, n *node, depth int) int {
	n.next, n.at = 0, 0
	i = skipSpace(line, i+1)
	if i < len(line) && line[i] == '}' {
		return i + 1
	}
	for {
		k := -1
		if s, end := n.foresee(line, i); s != nil {
			k, i = s.key, end
		} else if k, i = p.key(line, i, n); i < 0 {
			return -1
		}
		i = skipSpace(line, i)
		if i >= len(line) {
			return p.syntax(i, "want a value")
		}
		if k < 0 {
			i = p.skipValue(line, i, depth+1)
		} else {
			i = p.member(b, line, i, &n.keys[k], depth)
		}
		if i < 0 {
			return -1
		}
		i = skipSpace(line, i)
		switch {
		case i < len(line) && line[i] == ',':
			i = skipSpace(line, i+1)
		case i < len(line) && line[i] == '}':
			return i + 1
		default:
			return p.syntax(i, "want a comma or a closing brace")
		}
	}
}

// key reads the key at line[i] with its colon, and returns which key of n it is (-1: none that matters) and the offset
// after the colon: -1 after noting the fault.
func (p *Parser) key(line []byte, i int, n *node) (k, end int) {
	if i >= len(line) || line[i] != '"' {
		return 0, p.syntax(i, "want a key in quotes")
	}
	closing, escaped := skipString(line, i+1)
	if closing < 0 {
		return 0, p.syntax(i, "the string is not valid JSON")
	}
	name := line[i+1 : closing]
	if escaped {
		p.scratch = unescape(p.scratch[:0], name)
		name = p.scratch
	}
	k = n.lookup(name)
	end = skipSpace(line, closing+1)
	if end >= len(line) || line[end] != ':' {
		return 0, p.syntax(end, "want a colon")
	}
	end++
	n.learn(line[i:end], k)
	return k, end
}

// otherCase is a hint at a key of a valid record that differs in case only from the one that a field is read from;
// empty when there is none.
func (p *Parser) otherCase(line []byte, fields []field) string {
	for i := skipSpace(line, skipSpace(line, 0)+1); i < len(line) && line[i] == '"'; {
		closing, _ := skipString(line, i+1)
		name := string(unescape(nil, line[i+1:closing]))
		for k := range fields {
			if want := fields[k].Path[0]; want != name && strings.EqualFold(want, name) {
				return fmt.Sprintf(": its key %q differs from %q in case only", name, want)
			}
		}
		i = skipSpace(line, closing+1)
		i = skipSpace(line, p.skipValue(line, skipSpace(line, i+1), 1))
		if i < len(line) && line[i] == ',' {
			i = skipSpace(line, i+1)
		}
	}
	return ""
}

// member reads the value at line[i] of a key that matters.
func (p *Parser) member(b *Batch, line []byte, i int, k *key, depth int) int {
	if k.record == p.record {
		var f *field
		if k.field >= 0 {
			f = &p.fields[k.field]
		}
		p.reject(f, "has the key %q twice", k.path)
		return -1
	}
	k.record = p.record
	if k.field >= 0 || line[i] == 'n' { // every field of a null object is null
		p.found = true
	}
	if k.node == nil {
		return p.value(b, line, i, k.field, depth+1)
	}
	var end int
	switch line[i] {
	case '{':
		end = p.object(b, line, i, k.node, depth+1)
	case 'n':
		end = p.skipValue(line, i, depth+1)
	default:
		if end = p.skipValue(line, i, depth+1); end > 0 && k.field < 0 {
			p.reject(nil, "%q is %s, want an object", k.path, jsonKind(line[i]))
			return -1
		}
	}
	if end > 0 && k.field >= 0 {
		return p.value(b, line, i, k.field, depth+1)
	}
	return end
}

// value reads the value at line[i] into a field.
func (p *Parser) value(b *Batch, line []byte, i, index, depth int) int {
	f, c := &p.fields[index], &b.Columns[index]
	switch first := line[i]; {
	case first == '"' && c.Kind != JSON:
		return p.stringValue(b, line, i, index)
	case first == 'n':
		end := p.skipValue(line, i, depth)
		if end > 0 && !p.null(b, index) {
			return -1
		}
		return end
	case c.Kind == JSON:
		return p.jsonValue(b, line, i, index, depth)
	case first == '-' || first-'0' <= 9:
		return p.numberValue(b, line, i, index)
	case (first == 't' || first == 'f') && c.Kind == Bool:
		end := p.skipValue(line, i, depth)
		if end < 0 {
			return -1
		}
		v := tableschema.Value{Bool: first == 't'}
		if f.check {
			if err := f.Check(v, nil); err != nil {
				p.reject(f, "%s %v", line[i:end], err)
				return -1
			}
		}
		c.add(v, nil)
		return end
	}
	end := p.skipValue(line, i, depth)
	if end < 0 {
		return -1
	}
	if f.Field.Type == tableschema.Geopoint &&
		(line[i] == '[' && f.Format == "array" || line[i] == '{' && f.Format == "object") {
		if !p.put(b, index, line[i:end]) {
			return -1
		}
		return end
	}
	return p.wrongKind(f, line[i])
}

// stringValue reads the JSON string at line[i] into a field that holds no JSON.
func (p *Parser) stringValue(b *Batch, line []byte, i, index int) int {
	f, c := &p.fields[index], &b.Columns[index]
	if f.form == formInstant {
		if v, end := f.instant(line, i+1); end > 0 && end < len(line) && line[end] == '"' && !f.check {
			c.addInt(v)
			return end + 1
		}
	}
	closing, escaped := skipString(line, i+1)
	if closing < 0 {
		return p.syntax(i, "the string is not valid JSON")
	}
	text := line[i+1 : closing]
	if escaped {
		p.scratch = unescape(p.scratch[:0], text)
		text = p.scratch
	}
	if f.form == formText && !f.check && len(f.MissingValues) == 0 {
		c.addText(text)
		return closing + 1
	}
	if !p.put(b, index, text) {
		return -1
	}
	return closing + 1
}

// numberValue reads the JSON number at line[i] into a field that holds no JSON.
func (p *Parser) numberValue(b *Batch, line []byte, i, index int) int {
	f, c := &p.fields[index], &b.Columns[index]
	end := skipNumber(line, i)
	if end < 0 {
		return p.syntax(i, "the number is not valid JSON")
	}
	if c.Kind != Int64 && c.Kind != Float64 && c.Kind != Decimal {
		return p.wrongKind(f, line[i])
	}
	text := line[i:end]
	var v tableschema.Value
	at := 0
	switch f.form {
	case formInt:
		v.Int, at = scanInt(text, 0)
	case formFloat:
		v.Float, at = scanFloat(text, 0)
	case formDecimal:
		v.Int, at = scanDecimal(text, 0, f.Precision, f.Scale)
	}
	var err error
	if at != len(text) {
		v, err = f.CastNumber(text)
	}
	if err == nil && f.check {
		err = f.Check(v, text)
	}
	if err != nil {
		p.reject(f, "%s %v", tableschema.Quote(text, shown), err)
		return -1
	}
	c.add(v, text)
	return end
}

// jsonValue keeps the value at line[i], which is not null, unchanged.
func (p *Parser) jsonValue(b *Batch, line []byte, i, index, depth int) int {
	f := &p.fields[index]
	end := p.skipValue(line, i, depth)
	if end < 0 {
		return -1
	}
	text := line[i:end]
	if line[i] == '"' && len(f.MissingValues) > 0 {
		p.scratch = unescape(p.scratch[:0], text[1:len(text)-1])
		if f.Missing(p.scratch) {
			if !p.null(b, index) {
				return -1
			}
			return end
		}
	}
	switch f.Field.Type {
	case tableschema.Object, tableschema.Geojson:
		if line[i] != '{' {
			return p.wrongKind(f, line[i])
		}
	case tableschema.Array:
		if line[i] != '[' {
			return p.wrongKind(f, line[i])
		}
	}
	if f.check {
		if err := f.Check(tableschema.Value{}, text); err != nil {
			p.reject(f, "%s %v", tableschema.Quote(text, shown), err)
			return -1
		}
	}
	b.Columns[index].addText(text)
	return end
}

func (p *Parser) wrongKind(f *field, first byte) int {
	p.reject(f, "is %s, want %s", jsonKind(first), article(f.Field.Type))
	return -1
}

func (p *Parser) syntax(at int, format string, args ...any) int {
	p.reject(nil, "is not valid JSON at byte %d: %s", at, fmt.Sprintf(format, args...))
	return -1
}

func article(t tableschema.Type) string {
	switch t {
	case tableschema.Integer, tableschema.Array, tableschema.Object:
		return "an " + string(t)
	}
	return "a " + string(t)
}

func jsonKind(first byte) string {
	switch first {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
