package record

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"dip/contract"
	"dip/tableschema"
)

// Options are the limits of a parser. Zero fields take the defaults.
type Options struct {
	MaxRows    int // rows of a batch; 65,536
	MaxBytes   int // bytes of a batch's values, tested between records, at most 1 GiB; 32 MiB
	MaxRejects int // rejected records of one Parse call; 1,024
	MaxRecord  int // bytes of a record without its line end; no limit
	Width      int // CSV: columns of the input; one more than the highest of NewParser's columns
	// Length is the bytes that a text has in the input; nil: the text's own.
	Length func(text []byte) int64
}

const (
	defaultRows    = 1 << 16
	defaultBytes   = 32 << 20
	maxBytes       = 1 << 30
	defaultRejects = 1 << 10
)

func (o Options) withDefaults() (Options, error) {
	if o.MaxRows < 0 || o.MaxBytes < 0 || o.MaxBytes > maxBytes || o.MaxRejects < 0 || o.MaxRecord < 0 || o.Width < 0 {
		return o, fmt.Errorf("limits of a parser: %+v: want no negative ones, and MaxBytes at most %d", o, maxBytes)
	}
	for _, f := range []struct {
		v         *int
		otherwise int
	}{{&o.MaxRows, defaultRows}, {&o.MaxBytes, defaultBytes}, {&o.MaxRejects, defaultRejects}, {&o.MaxRecord,
		math.MaxInt - 2}} {
		if *f.v == 0 {
			*f.v = f.otherwise
		}
	}
	if o.Length == nil {
		o.Length = func(text []byte) int64 { return int64(len(text)) }
	}
	return o, nil
}

// Stop says why Parse returned.
type Stop uint8

const (
	// NeedData says that all whole records of data are consumed. The rest of it is the start of a record; there is no rest
	// when final.
	NeedData Stop = iota
	// BatchFull says that the batch reached MaxRows or MaxBytes. Reset it and call again with the rest of data.
	BatchFull
	// RejectsFull says that MaxRejects records were rejected. Call again with the rest of data and the same batch.
	RejectsFull
	// TooLong says that the record after the consumed ones is longer than MaxRecord.
	TooLong
)

// Reject is a record that does not fit the schema.
type Reject struct {
	Start, End int    // byte range in data, with the line end
	Field      string // "" when the record as a whole is at fault
	Reason     string // for a person; at most some 300 bytes
}

// Result is what one call of Parse did.
type Result struct {
	Consumed           int // bytes of data: whole records, blank lines and comments
	Accepted, Rejected int // records
	// Lines of the records: one that has line breaks within quotes has several. In rejected ones, whose quotes may be
	// broken, a CR alone ends a line too.
	AcceptedLines, RejectedLines int
	AcceptedSum, RejectedSum     Sum
	Skipped                      contract.Skipped // comments
	Rejects                      []Reject         // in the order of data; valid until the next call
	Stop                         Stop
}

// Types is the column type of each field of a schema in inputs of an encoding.
func Types(s *tableschema.Schema, e contract.Encoding) []Type {
	types := make([]Type, len(s.Fields))
	for i := range s.Fields {
		f := &s.Fields[i]
		t := Type{Name: f.Name}
		switch f.Type {
		case tableschema.Integer, tableschema.Year:
			t.Kind = Int64
		case tableschema.Number:
			t.Kind = Float64
			if f.Decimal != nil {
				t.Kind, t.Precision, t.Scale = Decimal, f.Decimal.Precision, f.Decimal.Scale
			}
		case tableschema.Boolean:
			t.Kind = Bool
		case tableschema.Date:
			t.Kind = Date
		case tableschema.Time:
			t.Kind = Time
		case tableschema.Datetime:
			t.Kind, t.UTC = Timestamp, f.UTC
		case tableschema.Object, tableschema.Array, tableschema.Geojson:
			t.Kind = JSON
		case tableschema.Any: // as in the input: text in CSV, any JSON value in NDJSON
			t.Kind = JSON
			if e == contract.CSV {
				t.Kind = String
			}
		default:
			t.Kind = String
		}
		types[i] = t
	}
	return types
}

// Parser reads records of one schema and dialect into batches. It is not safe for concurrent use.
//
// A record that does not fit is rejected as a whole, without effect on others. End defines what a record is; the
// lexical forms of values are those of package tableschema. Beyond that:
//
// CSV. A record has exactly Width fields. Without quoting they are the texts between delimiters. Quotes never change a
// value: an empty field and "" are both null under the missing values [""]. A record with nothing before its line end
// is a blank line and skipped, except in an input of one column, where it is an empty field. So is a line that begins
// with the dialect's comment character where a record would. Text after a closing quote
// and a quote that is never closed are faults. The CR of a CRLF is part of the line end, and so is a CR that ends the
// input; a record that ends in CR CR LF is at fault. Any other CR, and NUL, is data. A quote that is not the first byte
// of its field is data, but blanks and then a quote at the start of a field are a fault: other readers would have the
// quote enclose it.
//
// NDJSON. A record is one object on one line, strictly RFC 8259, whether a value is kept or skipped, nested at most 512
// deep; lines of white space are skipped. An absent key and null are both null, but a record that has none of the
// fields is of another kind and at fault. A key that a field is read from must not repeat. Strings are cast as CSV
// fields are, so that "12" is an integer; JSON numbers are numbers, whatever decimalChar and groupChar say; booleans
// fit booleans only, and no number, boolean, array or object fits a string. Missing values that the schema states stand
// for null in any string; the default [""] does so except in fields of type string and any, where "" is an ordinary
// text. Columns of kind JSON keep the value's bytes unchanged.
//
// Both. A record with invalid UTF-8 is rejected.
type Parser struct {
	types    []Type
	fields   []field
	options  Options
	rowBytes int   // bytes that a row takes at most, without texts
	texts    []int // columns with texts

	json      bool
	root      *node // NDJSON
	record    uint64
	found     bool     // NDJSON: the record has one of the fields
	columns   []column // CSV, in the input's order
	absent    []int    // CSV: fields that the input has no column for
	delimiter byte
	quote     int // noQuote: none
	comment   int // what a comment begins with; noQuote: there are none

	utf8To, utf8From int // of the data: valid up to the one, tested record by record up to the other

	scratch []byte
	rejects []Reject
	fault   fault
}

// fault is why the current record is rejected.
type fault struct{ field, reason string }

// NewParser compiles a schema for a dialect. columns[i] is the CSV column of field i, or -1 (tableschema.MatchHeader);
// nil means that column i is field i. NDJSON has no columns.
func NewParser(s *tableschema.Schema, d contract.Dialect, columns []int, o Options) (*Parser, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("compile a parser: dialect: %w", err)
	}
	p := &Parser{types: Types(s, d.Encoding), fields: make([]field, len(s.Fields)), options: o,
		json: d.Encoding == contract.NDJSON}
	for i, t := range p.types {
		f := &p.fields[i]
		f.Field, f.Type = s.Fields[i], t
		// JSON has null, so that an empty string is an ordinary text unless the schema says otherwise.
		if p.json && !f.StatedMissing && (f.Field.Type == tableschema.String || f.Field.Type == tableschema.Any) {
			f.MissingValues = nil
		}
		f.check = f.Constrained()
		f.nothing = !f.Required && f.Missing(nil)
		f.form = f.fastForm()
		switch t.Kind {
		case String, JSON:
			p.texts = append(p.texts, i)
			p.rowBytes += 1 + 4
		case Bool:
			p.rowBytes += 1 + 1
		default:
			p.rowBytes += 1 + 8
		}
	}
	if p.json {
		if columns != nil {
			return nil, errors.New("compile a parser: NDJSON has no columns")
		}
		p.root, err = compilePaths(p.fields)
	} else {
		p.delimiter, p.quote, p.comment = d.Delimiter[0], quoteOf(d), byteOf(d.Comment)
		err = p.compileColumns(columns)
	}
	if err != nil {
		return nil, fmt.Errorf("compile a parser: %w", err)
	}
	return p, nil
}

// Types is the type of each column of the parser's batches.
func (p *Parser) Types() []Type { return p.types }

// Parse appends whole records of data, which starts where a record starts, to b, until data ends or a limit is
// reached (see Result.Stop). b is made with NewBatch(p.Types()). A record that data cuts off is left for the next
// call, unless final says that data ends the input.
//
// Where a batch becomes full depends on the accepted records alone, not on how the input is cut into calls.
func (p *Parser) Parse(b *Batch, data []byte, final bool) Result {
	r := Result{}
	p.rejects = p.rejects[:0]
	p.utf8To, p.utf8From = 0, 0
	i, others := 0, 0 // others: line feeds outside accepted records
	for i < len(data) {
		if p.full(b) {
			r.Stop = BatchFull
			break
		}
		if len(p.rejects) == p.options.MaxRejects {
			r.Stop = RejectsFull
			break
		}
		var end int
		var o outcome
		if p.json {
			end, o = p.ndjson(b, data, i, final)
		} else {
			end, o = p.csv(b, data, i, final)
		}
		if o == cutOff {
			break
		}
		if end-i > p.options.MaxRecord && len(Trim(data[i:end])) > p.options.MaxRecord {
			b.Truncate()
			r.Stop = TooLong
			break
		}
		switch o {
		case accepted:
			b.Rows++
			r.Accepted++
			r.AcceptedSum.Add(Trim(data[i:end]))
			if data[end-1] != '\n' {
				others--
			}
		case blank:
			others += bytes.Count(data[i:end], lineFeed)
		case comment:
			others += bytes.Count(data[i:end], lineFeed)
			r.Skipped = r.Skipped.Plus(contract.Skipped{Lines: 1, Bytes: p.options.Length(data[i:end])})
		case rejected:
			b.Truncate()
			r.Rejected++
			r.RejectedSum.Add(Trim(data[i:end]))
			r.RejectedLines += countLines(Trim(data[i:end]))
			others += bytes.Count(data[i:end], lineFeed)
			p.rejects = append(p.rejects, Reject{Start: i, End: end, Field: p.fault.field, Reason: p.fault.reason})
		}
		i = end
	}
	r.Consumed, r.Rejects = i, p.rejects
	if r.AcceptedLines = r.Accepted; !p.json && p.quote != noQuote {
		r.AcceptedLines = bytes.Count(data[:i], lineFeed) - others
	}
	return r
}

var lineFeed = []byte{'\n'}

// countLines is how many lines a record has whose quotes may be broken: line feeds and carriage returns count alike.
func countLines(rec []byte) int {
	return 1 + bytes.Count(rec, []byte{'\n'}) + bytes.Count(rec, []byte{'\r'}) - bytes.Count(rec, []byte("\r\n"))
}

type outcome uint8

const (
	blank outcome = iota
	accepted
	rejected
	cutOff
	comment
)

func (p *Parser) full(b *Batch) bool {
	if b.Rows >= p.options.MaxRows {
		return true
	}
	size := b.Rows * p.rowBytes
	for _, i := range p.texts {
		size += len(b.Columns[i].Bytes)
	}
	return size >= p.options.MaxBytes && b.Rows > 0
}

// reject notes why the current record is rejected; field may be nil.
func (p *Parser) reject(f *field, format string, args ...any) outcome {
	p.fault = fault{reason: fmt.Sprintf(format, args...)}
	if f != nil {
		p.fault.field = f.Type.Name
	}
	return rejected
}

// Limits of how much of the record a reason quotes.
const shown = 60

// put appends the value of a field's text. It returns false after recording the fault.
func (p *Parser) put(b *Batch, i int, text []byte) bool {
	f := &p.fields[i]
	if f.Missing(text) {
		return p.null(b, i)
	}
	v, err := f.Cast(text)
	if err == nil && f.check {
		err = f.Check(v, text)
	}
	if err != nil {
		p.reject(f, "%s %v", tableschema.Quote(text, shown), err)
		return false
	}
	b.Columns[i].add(v, text)
	return true
}

// null appends a null. False after noting the fault when the field needs a value.
func (p *Parser) null(b *Batch, i int) bool {
	f := &p.fields[i]
	if f.Required {
		p.reject(f, "is required, but has no value")
		return false
	}
	b.Columns[i].addNull()
	return true
}

// utf8Window is how many bytes validWithin tests at once.
const utf8Window = 16 << 10

// validWithin checks the encoding of data[start:end], a part of a record, and of what follows it while that is valid:
// long texts are tested faster. Line feeds are no part of characters, so that valid data has only valid records.
func (p *Parser) validWithin(data []byte, start, end int) bool {
	if end <= p.utf8To {
		return true
	}
	if start >= p.utf8From {
		stop := min(start+utf8Window, len(data))
		for stop > end && stop < len(data) && !utf8.RuneStart(data[stop]) {
			stop--
		}
		stop = max(stop, end)
		if utf8.Valid(data[start:stop]) {
			p.utf8To = stop
			return true
		}
		p.utf8From = stop
	}
	return p.valid(data[start:end])
}

// valid checks a record's encoding.
func (p *Parser) valid(rec []byte) bool {
	if utf8.Valid(rec) {
		return true
	}
	p.reject(nil, "invalid UTF-8 at byte %d of the record", invalidUTF8(rec))
	return false
}

func (c *Column) addNull() {
	c.Present = append(c.Present, 0)
	c.Nulls++
}

func (c *Column) addInt(v int64) {
	c.Present = append(c.Present, 1)
	c.Ints = append(c.Ints, v)
}

func (c *Column) addText(text []byte) {
	c.Present = append(c.Present, 1)
	c.Bytes = append(c.Bytes, text...)
	c.Ends = append(c.Ends, uint32(len(c.Bytes)))
}

func (c *Column) add(v tableschema.Value, text []byte) {
	switch c.Kind {
	case String, JSON:
		c.addText(text)
	case Float64:
		c.Present = append(c.Present, 1)
		c.Floats = append(c.Floats, v.Float)
	case Bool:
		c.Present = append(c.Present, 1)
		c.Bools = append(c.Bools, v.Bool)
	default:
		c.addInt(v.Int)
	}
}
