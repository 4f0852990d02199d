package config

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// problems are errors with the path of the setting that they concern.
type problems struct {
	list    []error
	misread map[string]bool
}

func newProblems() *problems { return &problems{misread: map[string]bool{}} }

// misreadAt adds a problem of a value that was not decoded, or is outside its limits. Rules skip the default in its
// place.
func (p *problems) misreadAt(path, format string, args ...any) {
	p.add(path, format, args...)
	p.misread[path] = true
}

func (p *problems) add(path, format string, args ...any) {
	if p.misread[path] {
		return
	}
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	p.list = append(p.list, errors.New(text))
}

// err joins the problems in the order of their paths.
func (p *problems) err() error {
	slices.SortStableFunc(p.list, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(p.list...)
}

// mends say what to do instead of using settings that people expect and that do not exist.
var mends = map[string]string{"escape": noEscape, "escapeChar": noEscape}

const noEscape = `unknown; escape characters are not supported: a quote within quotes is doubled, as in RFC 4180. ` +
	`Where nothing needs quotes, quote: "" makes quotes and backslashes data`

// decoder copies a JSON value over a Go value. What the JSON leaves out keeps its default; an unknown key or
// a wrong type is a problem with its path, and decoding continues.
type decoder struct {
	*problems
	// element gives the defaults of a map's element, such as those of a segment.
	element func(reflect.Type) reflect.Value
}

func (d decoder) decode(path string, from any, to reflect.Value) {
	if from == nil {
		return
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		d.decode(path, from, to.Elem())
		return
	}
	// An object that has a short form may be a text.
	_, short := from.(string)
	if text, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok && (short || to.Kind() != reflect.Struct) {
		d.text(path, from, text)
		return
	}
	switch to.Kind() {
	case reflect.Struct:
		d.object(path, from, to)
	case reflect.Map:
		d.entries(path, from, to)
	case reflect.Slice:
		d.items(path, from, to)
	case reflect.String:
		assign(d, path, "a string", from, to.SetString)
	case reflect.Bool:
		assign(d, path, "true or false", from, to.SetBool)
	case reflect.Float64:
		assign(d, path, "a number", from, to.SetFloat)
	case reflect.Int:
		if n, ok := from.(float64); !ok || n != math.Trunc(n) || math.Abs(n) > 1<<53 {
			d.misreadAt(path, "want a whole number, have %s", have(from))
		} else {
			to.SetInt(int64(n))
		}
	default:
		panic(fmt.Sprintf("config: %s has a type that cannot be decoded: %s", path, to.Type()))
	}
}

func (d decoder) text(path string, from any, to encoding.TextUnmarshaler) {
	s, ok := from.(string)
	if !ok {
		d.misreadAt(path, "want a string, have %s", have(from))
	} else if err := to.UnmarshalText([]byte(s)); err != nil {
		d.misreadAt(path, "%v", err)
	}
}

func (d decoder) object(path string, from any, to reflect.Value) {
	entries, ok := from.(map[string]any)
	if !ok {
		d.misreadAt(path, "want an object, have %s", have(from))
		return
	}
	fields := map[string]reflect.Value{}
	collect(to, fields)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if field, ok := fields[key]; ok {
			d.decode(below(path, key), entries[key], field)
		} else if mend, ok := mends[key]; ok {
			d.misreadAt(below(path, key), "%s", mend)
		} else {
			d.misreadAt(below(path, key), "unknown; %s", Suggest(key, slices.Sorted(maps.Keys(fields))))
		}
	}
}

func (d decoder) entries(path string, from any, to reflect.Value) {
	entries, ok := from.(map[string]any)
	if !ok {
		d.misreadAt(path, "want an object, have %s", have(from))
		return
	}
	to.Set(reflect.MakeMap(to.Type()))
	for key, value := range entries {
		element := d.element(to.Type().Elem())
		d.decode(below(path, key), value, element)
		to.SetMapIndex(reflect.ValueOf(key), element)
	}
}

func (d decoder) items(path string, from any, to reflect.Value) {
	items, ok := from.([]any)
	if !ok {
		d.misreadAt(path, "want a list, have %s", have(from))
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(items), len(items)))
	for i, item := range items {
		d.decode(fmt.Sprintf("%s[%d]", path, i), item, to.Index(i))
	}
}

func assign[T any](d decoder, path, want string, from any, set func(T)) {
	if v, ok := from.(T); ok {
		set(v)
	} else {
		d.misreadAt(path, "want %s, have %s", want, have(from))
	}
}

// collect lists a struct's settable fields by their JSON names, including those of embedded structs.
func collect(v reflect.Value, fields map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch name := f.Tag.Get("json"); {
		case f.Anonymous:
			collect(v.Field(i), fields)
		case name != "":
			fields[name] = v.Field(i)
		}
	}
}

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// have names what was found instead of what was wanted.
func have(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%v", v)
	}
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "the string " + string(data)
	default:
		return string(data)
	}
}

// Suggest names the known key that is nearest to a wrong one, or all of them when none is near.
func Suggest(wrong string, known []string) string {
	best, distance := "", 1+max(2, len(wrong)/3)
	for _, k := range known {
		d := edits(strings.ToLower(wrong), strings.ToLower(k))
		if len(wrong) > 2 && strings.HasPrefix(k, wrong) {
			d = 1 // the rest was left out
		}
		if d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return "known are " + strings.Join(known, ", ")
	}
	return "did you mean " + best + "?"
}

// edits counts the characters to insert, delete or replace that turn a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
