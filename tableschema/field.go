package tableschema

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// field reads a field descriptor into f, which holds the schema's missing values.
func (o object) field(f *Field) {
	if !o.decode("name", "a string", &f.Name) && o.keys["name"] == nil {
		o.out.add(o.at("name"), "missing")
	} else if f.Name == "" {
		o.out.add(o.at("name"), "empty")
	}
	f.Type = Type(o.text("type", string(Any)))
	if _, known := formats[f.Type]; !known {
		o.out.add(o.at("type"), "unknown type %q: want one of %s", f.Type, knownTypes())
		return
	}
	if _, stated := o.keys["missingValues"]; stated {
		f.MissingValues, f.StatedMissing = o.missing(f.MissingValues)
	}
	o.format(f)
	o.numbers(f)
	if f.Type == Boolean {
		f.TrueValues = o.texts("trueValues", []string{"true", "True", "TRUE", "1"})
		f.FalseValues = o.texts("falseValues", []string{"false", "False", "FALSE", "0"})
		for _, v := range f.TrueValues {
			if slices.Contains(f.FalseValues, v) {
				o.out.add(o.at("falseValues"), "%q is also in trueValues", v)
			}
		}
	}
	if f.Type == List {
		o.list(f)
	}
	o.extensions(f)
	o.constraints(f)
}

func (o object) format(f *Field) {
	f.Format = strings.TrimPrefix(o.text("format", "default"), "fmt:")
	known := formats[f.Type]
	if f.Format == "default" || f.Format != "strptime" && slices.Contains(known, f.Format) {
		return
	}
	if !slices.Contains(known, "strptime") {
		o.out.add(o.at("format"), "unknown format %q of type %s: want one of %s", f.Format, f.Type,
			strings.Join(append([]string{"default"}, known...), ", "))
		return
	}
	p, err := compilePattern(f.Format, f.Type)
	if err != nil {
		o.out.add(o.at("format"), "%q: %v", f.Format, err)
	}
	f.pattern = p
}

// numbers reads the properties that shape the text of a number or an integer.
func (o object) numbers(f *Field) {
	f.DecimalChar, f.BareNumber = ".", true
	if f.Type != Number && f.Type != Integer {
		return
	}
	f.BareNumber = o.boolean("bareNumber", true)
	f.GroupChar = o.text("groupChar", "")
	switch {
	case f.Type == Number:
		f.DecimalChar = o.text("decimalChar", ".")
	case f.GroupChar == ".":
		f.DecimalChar = ""
	}
	f.Grouping = o.text("grouping", "threes")
	if f.Grouping != "threes" && f.Grouping != Indian || f.Grouping == Indian && f.GroupChar == "" {
		o.out.add(o.at("grouping"), "%q: want threes or indian, on a field with a groupChar", f.Grouping)
	}
	for _, c := range []struct{ key, value string }{{"decimalChar", f.DecimalChar}, {"groupChar", f.GroupChar}} {
		if c.value == "" && (c.key == "groupChar" || f.Type == Integer) {
			continue
		}
		if utf8.RuneCountInString(c.value) != 1 || strings.ContainsAny(c.value, "0123456789+-eE") {
			o.out.add(o.at(c.key), "%q: want one character that is not part of a number", c.value)
		}
	}
	if f.GroupChar == f.DecimalChar {
		o.out.add(o.at("groupChar"), "%q is also the decimalChar", f.GroupChar)
	}
}

func (o object) list(f *Field) {
	f.Delimiter = o.text("delimiter", ",")
	if f.Delimiter == "" {
		o.out.add(o.at("delimiter"), "empty")
	}
	item := Field{Type: Type(o.text("itemType", string(String))), Format: "default", DecimalChar: ".", BareNumber: true,
		TrueValues: []string{"true", "True", "TRUE", "1"}, FalseValues: []string{"false", "False", "FALSE", "0"}}
	allowed := []Type{String, Integer, Boolean, Number, Datetime, Date, Time}
	if !slices.Contains(allowed, item.Type) {
		o.out.add(o.at("itemType"), "unknown item type %q: want string, integer, boolean, number, datetime, date or time",
			item.Type)
	}
	f.item = &item
}

// extensions reads this package's own properties.
func (o object) extensions(f *Field) {
	f.Path = []string{f.Name}
	if path := ""; o.decode("path", "a string", &path) {
		f.Path = strings.Split(path, ".")
		if slices.Contains(f.Path, "") {
			o.out.add(o.at("path"), "%q: want object keys joined by dots", path)
		}
	}
	if zone := ""; o.decode("timezone", "a string", &zone) {
		f.UTC = true
		if f.Type != Datetime || zone != "UTC" {
			o.out.add(o.at("timezone"), "%q on a %s: want \"UTC\" on a datetime", zone, f.Type)
		}
	}
	d, ok := o.child("decimal")
	if !ok {
		return
	}
	f.Decimal = &Decimal{}
	if f.Type != Number {
		o.out.add(o.at("decimal"), "only for numbers, the field is of type %s", f.Type)
	}
	for _, key := range slices.Sorted(maps.Keys(d.keys)) {
		if key != "precision" && key != "scale" {
			o.out.add(d.at(key), "unknown: decimal has precision and scale")
		}
	}
	if !d.decode("precision", "an integer", &f.Decimal.Precision) || f.Decimal.Precision < 1 || f.Decimal.Precision > 18 {
		o.out.add(d.at("precision"), "want 1 to 18 digits")
	}
	d.decode("scale", "an integer", &f.Decimal.Scale)
	if f.Decimal.Scale < 0 || f.Decimal.Scale > f.Decimal.Precision {
		o.out.add(d.at("scale"), "%d: want 0 to precision (%d)", f.Decimal.Scale, f.Decimal.Precision)
	}
}
