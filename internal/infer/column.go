package infer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"dip/tableschema"
)

// column counts the texts of a column by their class. What it proposes depends on the counts alone, so that the order
// of the records does not matter.
type column struct {
	counts   [classes]int64
	tokens   []int64 // by index in missingTexts
	formats  uint64  // those that read all formatted texts
	digits   int     // most before the point, of numbers without an exponent
	scale    int     // most after it
	exponent bool
	rounded  bool // a double would change one of the integers
	examples [classes]string
}

func newColumn() *column {
	return &column{tokens: make([]int64, len(missingTexts)), formats: ^uint64(0)}
}

func (c *column) add(b []byte) {
	r := read(b)
	c.counts[r.class]++
	switch r.class {
	case missing:
		c.tokens[r.token]++
	case formatted:
		c.formats &= r.formats
	case integer, number, exact:
		if c.exponent = c.exponent || r.exponent; !r.exponent {
			c.digits, c.scale = max(c.digits, r.digits), max(c.scale, r.scale)
		}
		c.rounded = c.rounded || r.rounded
	}
	if e := c.examples[r.class]; c.counts[r.class] == 1 || len(b) < len(e) ||
		len(b) == len(e) && bytes.Compare(b, []byte(e)) < 0 {
		c.examples[r.class] = string(b[:min(len(b), 64)])
	}
}

// of is the number of texts of the classes.
func (c *column) of(these ...class) (n int64) {
	for _, k := range these {
		n += c.counts[k]
	}
	return n
}

// values is the number of texts that are not empty and none of missingTexts.
func (c *column) values() (n int64) {
	for k := missing + 1; k < classes; k++ {
		n += c.counts[k]
	}
	return n
}

// field is a field of the proposed schema, in the order in which its properties are written.
type field struct {
	Name          string       `json:"name"`
	Type          string       `json:"type"`
	Format        string       `json:"format,omitempty"`
	Timezone      string       `json:"timezone,omitempty"`
	Decimal       *decimal     `json:"decimal,omitempty"`
	MissingValues []string     `json:"missingValues,omitempty"`
	Constraints   *constraints `json:"constraints,omitempty"`
}

type decimal struct {
	Precision int `json:"precision"`
	Scale     int `json:"scale"`
}

type constraints struct {
	Required bool `json:"required"`
}

func (f *field) require() { f.Constraints = &constraints{Required: true} }

// untyped is the type of a column whose texts have no common type.
const untyped = string(tableschema.String)

// typed proposes the type of a column's texts: untyped when they have none in common, with the reason if a person might
// expect a type.
func (c *column) typed() (f field, why string) {
	n := c.values()
	if n == 0 {
		return field{Type: untyped}, ""
	}
	for _, single := range []struct {
		class class
		field field
	}{
		{boolean, field{Type: string(tableschema.Boolean)}},
		{integer, field{Type: string(tableschema.Integer)}},
		{date, field{Type: string(tableschema.Date)}},
		{datetime, field{Type: string(tableschema.Datetime)}},
		{instant, field{Type: string(tableschema.Datetime), Timezone: "UTC"}},
		{clock, field{Type: string(tableschema.Time)}},
	} {
		if c.counts[single.class] == n {
			return single.field, ""
		}
	}
	switch {
	case c.of(integer, long, number, exact, precise, special) == n:
		return c.numeric()
	case c.counts[formatted] == n:
		return c.format()
	}
	return field{Type: untyped}, c.whyNot(n)
}

// numeric proposes the type of a column of numbers.
func (c *column) numeric() (field, string) {
	f := field{Type: string(tableschema.Number)}
	switch {
	case c.counts[special] == c.values():
		return field{Type: untyped}, ""
	case c.counts[long] > 0:
		return field{Type: untyped}, fmt.Sprintf("integers beyond 64 bits, such as %s, stay as they are: a number would "+
			"round them", c.examples[long])
	case c.counts[precise] == 0 && c.counts[exact] == 0 && !c.rounded:
		return f, ""
	case c.counts[precise] == 0 && c.counts[special] == 0 && !c.exponent && c.digits+c.scale <= 18:
		f.Decimal = &decimal{Precision: 18, Scale: c.scale}
		return f, fmt.Sprintf("has numbers that a double would round: they are kept as decimals of 18 digits, %d of them "+
			"after the point", c.scale)
	}
	return field{Type: untyped}, "numbers with so many digits stay as they are: a double would round them, and a " +
		"decimal has 18 digits"
}

// format proposes the format of a column of dates or times that are not written in the default form.
func (c *column) format() (field, string) {
	var fits []format
	for i, f := range formats {
		if c.formats&(1<<i) != 0 {
			fits = append(fits, f)
		}
	}
	if len(fits) == 1 {
		return field{Type: string(fits[0].typ), Format: fits[0].pattern}, ""
	}
	if len(fits) == 0 {
		return field{Type: untyped}, fmt.Sprintf("dates or times in several formats, such as %s, stay texts",
			c.examples[formatted])
	}
	patterns := make([]string, len(fits))
	for i, f := range fits {
		patterns[i] = f.pattern
	}
	return field{Type: untyped}, fmt.Sprintf("could be a %s as %s: state the format, or it stays a text", fits[0].typ,
		strings.Join(patterns, " or as "))
}

// expected are the groups of classes that make a type, with the name of their values.
var expected = []struct {
	name    string
	classes []class
}{
	{"booleans", []class{boolean}}, {"integers", []class{integer}}, {"numbers", []class{integer, number, exact, special}},
	{"dates", []class{date}}, {"datetimes without an offset", []class{datetime}},
	{"datetimes with an offset", []class{instant}}, {"times", []class{clock}}, {"dates or times", []class{formatted}},
}

// whyNot says what keeps a column of n values from a type that a person might expect; "" if nothing points at one.
func (c *column) whyNot(n int64) string {
	switch {
	case c.counts[code] > 0 && c.of(code, integer, number) == n:
		return fmt.Sprintf("stays a text: values such as %s would lose their zeros or sign as numbers", c.examples[code])
	case c.counts[comma] > 0 && c.of(comma, integer, number) == n:
		return fmt.Sprintf("stays a text: the comma in values such as %s may be a decimalChar or a groupChar",
			c.examples[comma])
	case c.counts[finer] > 0 && c.of(finer, datetime, instant, clock) == n:
		return fmt.Sprintf("stays a text: digits beyond microseconds, as in %s, would be cut", c.examples[finer])
	case c.of(datetime, instant) == n:
		return "stays a text: some of its datetimes have an offset and some have none"
	case c.of(date, datetime) == n:
		return "stays a text: some of its values are dates and some datetimes, which the format \"any\" reads as midnight"
	}
	for _, e := range expected {
		// One value, or one in a hundred, looks like a fault of the input rather than a property of the column.
		if others := n - c.of(e.classes...); n > 2 && others <= max(1, n/100) {
			return fmt.Sprintf("stays a text: all of its values are %s but %d, such as %s", e.name, others,
				tableschema.Quote([]byte(c.odd(e.classes)), 60))
		}
	}
	return ""
}

// odd is an example of a value of none of the classes.
func (c *column) odd(these []class) string {
	for k := missing + 1; k < classes; k++ {
		if c.counts[k] > 0 && !slices.Contains(these, k) {
			return c.examples[k]
		}
	}
	return ""
}

// stated are the missing values that a typed column states: the empty text and those of missingTexts that it has; nil
// when it has none of these.
func (c *column) stated() []string {
	if c.counts[missing] == 0 {
		return nil
	}
	texts := []string{""}
	for i, n := range c.tokens {
		if n > 0 {
			texts = append(texts, missingTexts[i])
		}
	}
	return texts
}
