package compat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"dip/tableschema"
)

// constraints compares the rules for values. Of fields of different types, every rule of the new one may refuse what
// the old one accepted.
func (f *fieldComparison) constraints(sameType bool) {
	was, is := f.was.child("constraints"), f.is.child("constraints")
	if a, b := f.old.Required, f.new.Required; a != b {
		v, why := Compatible, "values may be missing"
		if b {
			v, why = Quarantines, "refuses records without a value"
		}
		f.add("constraints.required", fmt.Sprint(a), fmt.Sprint(b), v, why)
	}
	for _, key := range union(was, is) {
		a, b := was.text(key), is.text(key)
		if key == "required" || a == b && sameType {
			continue
		}
		v, why := Quarantines, "refuses values that it accepted"
		switch {
		case key == "unique":
			v, why = Compatible, "spans records, which nothing enforces"
		case b == "":
			v, why = Compatible, "accepts more values"
		case sameType && a != "" && f.looser(key, was[key], is[key]):
			v, why = Compatible, "accepts every value that it accepted"
		}
		if a != b {
			f.add("constraints."+key, a, b, v, why)
		}
	}
	if a, b := f.was.text("categories"), f.is.text("categories"); a != b {
		v, why := Quarantines, "refuses values that it accepted"
		if b == "" || a != "" && sameType && includes(f.is["categories"], f.was["categories"]) {
			v, why = Compatible, "accepts every value that it accepted"
		}
		f.add("categories", a, b, v, why)
	}
}

func (p properties) child(key string) properties {
	var c properties
	if raw, ok := p[key]; ok {
		_ = json.Unmarshal(raw, &c) // the schema was parsed: it is an object or null
	}
	return c
}

// looser says whether a rule accepts every value that it accepted.
func (f *fieldComparison) looser(key string, old, updated json.RawMessage) bool {
	switch key {
	case "minimum", "exclusiveMinimum":
		order, ok := f.compare(updated, old)
		return ok && order <= 0
	case "maximum", "exclusiveMaximum":
		order, ok := f.compare(updated, old)
		return ok && order >= 0
	case "minLength", "maxLength":
		var a, b int
		if json.Unmarshal(old, &a) != nil || json.Unmarshal(updated, &b) != nil {
			return false
		}
		return key == "minLength" && b <= a || key == "maxLength" && b >= a
	case "enum":
		return includes(updated, old)
	}
	return false
}

// compare orders two values of the field that are written as JSON; false when they cannot be read.
func (f *fieldComparison) compare(a, b json.RawMessage) (order int, ok bool) {
	x, ok1 := f.value(a)
	y, ok2 := f.value(b)
	if f.new.Type == tableschema.Number && f.new.Decimal == nil {
		return cmp.Compare(x.Float, y.Float), ok1 && ok2
	}
	return cmp.Compare(x.Int, y.Int), ok1 && ok2
}

func (f *fieldComparison) value(raw json.RawMessage) (tableschema.Value, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		v, err := f.new.Cast([]byte(text))
		return v, err == nil
	}
	v, err := f.new.CastNumber(raw)
	return v, err == nil
}

// includes says whether a JSON array has every value of another one.
func includes(all, some json.RawMessage) bool {
	var a, b []any
	if json.Unmarshal(all, &a) != nil || json.Unmarshal(some, &b) != nil {
		return false
	}
	texts := make([]string, len(a))
	for i, v := range a {
		texts[i] = constant(v)
	}
	return !slices.ContainsFunc(b, func(v any) bool { return !slices.Contains(texts, constant(v)) })
}

// constant is the text of a value of an enum or of a category, which may have a label.
func constant(v any) string {
	if labelled, ok := v.(map[string]any); ok {
		v = labelled["value"]
	}
	return fmt.Sprint(v)
}
