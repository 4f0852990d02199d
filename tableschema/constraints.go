package tableschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// constraints are a field's rules, with their values cast as the field casts its own.
type constraints struct {
	any      bool // there is a rule for Check
	unique   bool
	low      *bound
	high     *bound
	shortest *length
	longest  *length
	pattern  matcher
	mismatch error // of pattern
	enum     *enum
	quick    quick
}

// quick accepts most numbers and times, and leaves the others to the full test. Its limits are inclusive.
type quick struct {
	ints       bool // values are in Value.Int
	low, high  int64
	listed     uint64 // bit n: n is one of the enum; shifts take others to 0
	beyond     bool   // no enum
	floats     bool   // values are in Value.Float, and there is no enum
	lowF, topF float64
}

func (c *constraints) quicken(f *Field) {
	c.quick = quick{
		ints: f.inInt(), low: math.MinInt64, high: math.MaxInt64, beyond: c.enum == nil,
		floats: f.Type == Number && f.Decimal == nil && c.enum == nil, lowF: math.Inf(-1), topF: math.Inf(1),
	}
	if c.low != nil {
		c.quick.low, c.quick.lowF = c.low.value.Int, c.low.value.Float
	}
	if c.high != nil {
		c.quick.high, c.quick.topF = c.high.value.Int, c.high.value.Float
	}
	if c.low != nil && c.low.exclusive || c.high != nil && c.high.exclusive {
		c.quick.ints, c.quick.floats = false, false
	}
	if c.enum != nil {
		for v := range c.enum.ints {
			c.quick.listed |= 1 << uint64(v)
		}
	}
}

type bound struct {
	value     Value
	exclusive bool
	err       error
}

type length struct {
	n   int
	err error
}

// enum is a set of allowed values in the form that the field's type compares.
type enum struct {
	ints   map[int64]bool
	floats map[float64]bool
	texts  map[string]bool
	bools  [2]bool
	err    error
}

var ordered = []Type{Integer, Number, Date, Time, Datetime, Year, Yearmonth}

// Constrained says whether the field has rules for Check, which required is not.
func (f *Field) Constrained() bool { return f.constraints.any }

// constraints reads the field's constraints and categories.
func (o object) constraints(f *Field) {
	c := &f.constraints
	defer func() {
		c.any = c.low != nil || c.high != nil || c.shortest != nil || c.longest != nil || c.pattern != nil || c.enum != nil
		c.quicken(f)
	}()
	o.categories(f)
	k, ok := o.child("constraints")
	if !ok {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(k.keys)) {
		switch key {
		case "required", "unique", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
			"minLength", "maxLength":
		case "jsonSchema":
			o.out.add(k.at(key), "not supported")
		default:
			o.out.add(k.at(key),
				"unknown constraint: want required, unique, enum, pattern, minimum, maximum, exclusiveMinimum, "+
					"exclusiveMaximum, minLength or maxLength")
		}
	}
	f.Required = k.boolean("required", false)
	c.unique = k.boolean("unique", false)
	c.low = tighter(k.bound(f, "minimum", false), k.bound(f, "exclusiveMinimum", true), f, 1)
	c.high = tighter(k.bound(f, "maximum", false), k.bound(f, "exclusiveMaximum", true), f, -1)
	if c.low != nil && c.high != nil && compare(f, c.low.value, c.high.value) > 0 {
		o.out.add(k.path, "the minimum is above the maximum")
	}
	c.shortest = k.length(f, "minLength", "shorter than minLength")
	c.longest = k.length(f, "maxLength", "longer than maxLength")
	if c.shortest != nil && c.longest != nil && c.shortest.n > c.longest.n {
		o.out.add(k.path, "minLength is above maxLength")
	}
	if p := ""; k.decode("pattern", "a string", &p) {
		m, err := compileMatcher(p)
		switch {
		case f.Type != String:
			o.out.add(k.at("pattern"), "only for strings, the field is of type %s", f.Type)
		case err != nil:
			o.out.add(k.at("pattern"), "%q: %v", p, err)
		}
		c.pattern, c.mismatch = m, fmt.Errorf("does not match the pattern %q", p)
	}
	if values := []json.RawMessage(nil); k.decode("enum", "an array", &values) {
		c.enum = k.enum(f, "enum", values)
	}
}

// bound reads minimum, maximum and their exclusive forms. Nil when the field has none or it is invalid.
func (o object) bound(f *Field, key string, exclusive bool) *bound {
	raw, ok := o.keys[key]
	if !ok || string(raw) == "null" {
		return nil
	}
	if !slices.Contains(ordered, f.Type) {
		o.out.add(o.at(key), "not supported for type %s", f.Type)
		return nil
	}
	text, v, err := f.constant(raw)
	if err != nil {
		o.out.add(o.at(key), "%s %v", abridge(raw), err)
		return nil
	}
	words := map[string]string{"minimum": "is less than the minimum",
		"exclusiveMinimum": "is not greater than the exclusive minimum",
		"maximum":          "is greater than the maximum", "exclusiveMaximum": "is not less than the exclusive maximum"}
	return &bound{value: v, exclusive: exclusive, err: fmt.Errorf("%s %s", words[key], text)}
}

// tighter is the stricter of two bounds; sign is 1 for lower bounds and -1 for upper ones.
func tighter(inclusive, exclusive *bound, f *Field, sign int) *bound {
	if inclusive == nil {
		return exclusive
	}
	if exclusive == nil || sign*compare(f, inclusive.value, exclusive.value) > 0 {
		return inclusive
	}
	return exclusive
}

func (o object) length(f *Field, key, words string) *length {
	n := 0
	if !o.decode(key, "an integer", &n) {
		return nil
	}
	if f.Type != String && f.Type != Array && f.Type != Object && f.Type != List {
		o.out.add(o.at(key), "type %s has no length", f.Type)
		return nil
	}
	if n < 0 {
		o.out.add(o.at(key), "%d: want 0 or more", n)
	}
	return &length{n, fmt.Errorf("is %s %d", words, n)}
}

// categories restrict a field as enum does. An enum next to them is a subset, so it replaces them.
func (o object) categories(f *Field) {
	var values []json.RawMessage
	if !o.decode("categories", "an array", &values) {
		return
	}
	if f.Type != String && f.Type != Integer {
		o.out.add(o.at("categories"), "only for strings and integers, the field is of type %s", f.Type)
		return
	}
	for i, raw := range values {
		var labelled struct {
			Value json.RawMessage `json:"value"`
		}
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) && json.Unmarshal(raw, &labelled) == nil {
			values[i] = labelled.Value
		}
	}
	f.constraints.enum = o.enum(f, "categories", values)
}

func (o object) enum(f *Field, key string, values []json.RawMessage) *enum {
	e := &enum{ints: map[int64]bool{}, floats: map[float64]bool{}, texts: map[string]bool{}}
	if len(values) == 0 {
		o.out.add(o.at(key), "empty: no value would be allowed")
	}
	var shown []string
	for i, raw := range values {
		text, v, err := f.constant(raw)
		if err != nil {
			o.out.add(fmt.Sprintf("%s[%d]", o.at(key), i), "%s %v", abridge(raw), err)
			continue
		}
		switch {
		case f.Type == Boolean && v.Bool:
			e.bools[1] = true
		case f.Type == Boolean:
			e.bools[0] = true
		case f.inInt():
			e.ints[v.Int] = true
		case f.Type == Number:
			e.floats[v.Float] = true
		case f.structured() || f.Type == Any:
			e.texts[canonical([]byte(text))] = true
		default:
			e.texts[text] = true
		}
		shown = append(shown, text)
	}
	if more := len(shown) - 10; more > 0 {
		shown = append(shown[:10], fmt.Sprintf("and %d more", more))
	}
	e.err = errors.New("is not one of: " + strings.Join(shown, ", "))
	return e
}

// constant casts a value that a schema states, either in JSON's own type or in the field's text form. Its errors
// follow the value in a message.
func (f *Field) constant(raw json.RawMessage) (text string, v Value, err error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "", Value{}, errors.New("is missing")
	}
	if f.Type == Any || f.structured() && raw[0] != '"' {
		return string(raw), Value{}, nil
	}
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", Value{}, fmt.Errorf("is not a string: %w", err)
		}
		v, err = f.Cast([]byte(text))
	case 't', 'f':
		text = string(raw)
		if f.Type == Boolean {
			return text, Value{Bool: raw[0] == 't'}, nil
		}
		return text, Value{}, fmt.Errorf("is not %s", f.article())
	case '{', '[', 'n':
		return "", Value{}, fmt.Errorf("is not %s", f.article())
	default:
		text = string(raw)
		if f.Type == Integer || f.Type == Number || f.Type == Year {
			v, err = f.CastNumber(raw)
		} else {
			v, err = f.Cast(raw)
		}
	}
	return text, v, err
}

// AcceptsInt says quickly that Check would take a value of Value.Int. False says nothing.
func (f *Field) AcceptsInt(v int64) bool {
	q := &f.constraints.quick
	return q.ints && v >= q.low && v <= q.high && (q.beyond || q.listed>>uint64(v)&1 == 1)
}

// AcceptsFloat says quickly that Check would take a value of Value.Float. False says nothing.
func (f *Field) AcceptsFloat(v float64) bool {
	q := &f.constraints.quick
	return q.floats && v >= q.lowF && v <= q.topF
}

// Check tests a cast value and its text against the field's constraints. For array, object, geojson and, in NDJSON,
// any, the text is JSON. The error reads as the end of a sentence that begins with the value.
func (f *Field) Check(v Value, text []byte) error {
	c := &f.constraints
	if f.AcceptsInt(v.Int) || f.AcceptsFloat(v.Float) {
		return nil
	}
	if b := c.low; b != nil {
		if d := compare(f, v, b.value); d < 0 || d == 0 && b.exclusive || v.Float != v.Float {
			return b.err
		}
	}
	if b := c.high; b != nil {
		if d := compare(f, v, b.value); d > 0 || d == 0 && b.exclusive || v.Float != v.Float {
			return b.err
		}
	}
	if (c.shortest != nil || c.longest != nil) && !c.plainlyLong(f, text) {
		n := f.length(text)
		if c.shortest != nil && n < c.shortest.n {
			return c.shortest.err
		}
		if c.longest != nil && n > c.longest.n {
			return c.longest.err
		}
	}
	if c.pattern != nil && !c.pattern.Match(text) {
		return c.mismatch
	}
	if c.enum != nil && !c.enum.has(f, v, text) {
		return c.enum.err
	}
	return nil
}

func (e *enum) has(f *Field, v Value, text []byte) bool {
	switch {
	case f.Type == Boolean && v.Bool:
		return e.bools[1]
	case f.Type == Boolean:
		return e.bools[0]
	case f.inInt():
		return e.ints[v.Int]
	case f.Type == Number:
		return e.floats[v.Float]
	case f.structured():
		return e.texts[canonical(text)]
	case f.Type == Any:
		return e.texts[canonical(text)] || e.texts[`"`+string(text)+`"`]
	default:
		return e.texts[string(text)]
	}
}

// compare orders two values of the field.
func compare(f *Field, a, b Value) int {
	if f.Type == Number && f.Decimal == nil {
		switch {
		case a.Float < b.Float:
			return -1
		case a.Float > b.Float:
			return 1
		}
		return 0
	}
	switch {
	case a.Int < b.Int:
		return -1
	case a.Int > b.Int:
		return 1
	}
	return 0
}

// plainlyLong says that a string's length in bytes alone shows that its length in characters, of one to four bytes
// each, is within the limits.
func (c *constraints) plainlyLong(f *Field, text []byte) bool {
	return f.Type == String && (c.longest == nil || len(text) <= c.longest.n) &&
		(c.shortest == nil || len(text) >= utf8.UTFMax*c.shortest.n)
}

// length counts characters, items or keys.
func (f *Field) length(text []byte) int {
	switch f.Type {
	case Array:
		var v []json.RawMessage
		if json.Unmarshal(text, &v) == nil {
			return len(v)
		}
	case Object:
		var v map[string]json.RawMessage
		if json.Unmarshal(text, &v) == nil {
			return len(v)
		}
	case List:
		if len(text) == 0 {
			return 0
		}
		return bytes.Count(text, []byte(f.Delimiter)) + 1
	}
	return utf8.RuneCount(text)
}

// canonical is JSON with sorted keys and no spaces, so that equal values compare equal as text.
func canonical(text []byte) string {
	if !json.Valid(text) {
		return string(text)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(text)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return string(text)
	}
	return string(b)
}
