package record

import (
	"errors"
	"fmt"
	"strings"

	"dip/tableschema"
)

// column is a CSV column of the input.
type column struct {
	field int // -1: the schema has no field for it
	form  form
	stop  byte // what ends the field: the delimiter, or LF for the last column
}

// scanned are the bytes that the scanners take as parts of values. A delimiter that is one of them ends a field where
// the scanner reads on.
const scanned = "0123456789-.: TZ"

func (p *Parser) compileColumns(columns []int) error {
	if columns == nil {
		columns = make([]int, len(p.fields))
		for i := range columns {
			columns[i] = i
		}
	}
	if len(columns) != len(p.fields) {
		return fmt.Errorf("%d columns for %d fields", len(columns), len(p.fields))
	}
	width := p.options.Width
	if width == 0 {
		for _, c := range columns {
			width = max(width, c+1)
		}
	}
	p.columns = make([]column, width)
	for k := range p.columns {
		p.columns[k] = column{field: -1, form: formSkip, stop: p.delimiter}
	}
	for i, c := range columns {
		switch {
		case c == -1:
			p.absent = append(p.absent, i)
		case c < 0 || c >= width:
			return fmt.Errorf("field %q is column %d of %d", p.fields[i].Type.Name, c+1, width)
		case p.columns[c].field >= 0:
			return fmt.Errorf("fields %q and %q are both column %d", p.fields[p.columns[c].field].Type.Name,
				p.fields[i].Type.Name, c+1)
		default:
			p.columns[c].field, p.columns[c].form = i, p.fields[i].form
			if p.columns[c].form != formText && strings.IndexByte(scanned, p.delimiter) >= 0 ||
				p.columns[c].form == formLetter && p.fields[i].letters[p.delimiter] != 0 {
				p.columns[c].form = formGeneral
			}
		}
	}
	if width == 0 {
		return fmt.Errorf("no field has a column")
	}
	p.columns[width-1].stop = '\n'
	return nil
}

// csv reads the record at data[i] and returns the offset after it.
func (p *Parser) csv(b *Batch, data []byte, i int, final bool) (end int, o outcome) {
	if int(data[i]) == p.comment {
		n, complete := lineEnd(data[i:])
		if !complete && !final {
			return i, cutOff
		}
		return i + n, comment
	}
	if end, ok := p.fastRecord(b, data, i); ok {
		return end, accepted
	}
	b.Truncate()
	n, complete := csvEnd(data[i:], p.delimiter, p.quote)
	if !complete && !final {
		return i, cutOff
	}
	end = i + n
	rec := Trim(data[i:end])
	if len(rec) == 0 && len(p.columns) > 1 {
		return end, blank
	}
	return end, p.wholeRecord(b, rec)
}

// wholeRecord reads a trimmed record strictly by the rules and reports what is wrong with it. Faults of the record come
// before faults of its fields.
func (p *Parser) wholeRecord(b *Batch, rec []byte) outcome {
	if !p.valid(rec) {
		return rejected
	}
	if n := len(rec); n > 0 && rec[n-1] == '\r' {
		return p.reject(nil, "ends in CR CR LF: write LF or CRLF")
	}
	count, ok := 0, true
	for i := 0; ; i++ {
		text, end, err := splitField(rec, i, p.delimiter, p.quote, &p.scratch)
		if err != nil {
			var f *field
			if count < len(p.columns) && p.columns[count].field >= 0 {
				f = &p.fields[p.columns[count].field]
			}
			over := ""
			if lines := countLines(rec[i:]); errors.Is(err, errUnclosed) && lines > 1 {
				over = fmt.Sprintf(": it takes in %d lines, from byte %d of the record", lines, i)
			}
			return p.reject(f, "field %d, %s, %v%s", count+1, tableschema.Quote(text, shown), err, over)
		}
		if ok && count < len(p.columns) && p.columns[count].field >= 0 {
			ok = p.put(b, p.columns[count].field, text)
		}
		count++
		if i = end; i >= len(rec) {
			break
		}
	}
	if count != len(p.columns) {
		if loneCR(rec, p.delimiter, p.quote) {
			return p.reject(nil, "has %d fields, want %d, and a CR without LF: a CR alone does not end a line", count,
				len(p.columns))
		}
		return p.reject(nil, "has %d fields, want %d", count, len(p.columns))
	}
	if !ok || !p.absentNulls(b) {
		return rejected
	}
	return accepted
}

func (p *Parser) absentNulls(b *Batch) bool {
	for _, i := range p.absent {
		if !p.null(b, i) {
			return false
		}
	}
	return true
}

// fastRecord reads a record in one pass straight into the columns. It gives up on everything that is not plainly
// valid, including a record without its line feed; the caller truncates what it has appended by then.
func (p *Parser) fastRecord(b *Batch, data []byte, i int) (end int, ok bool) {
	start, last := i, len(p.columns)-1
	for k := range p.columns {
		col := &p.columns[k]
		if i >= len(data) {
			return 0, false
		}
		first := data[i]
		if col.form == formSkip || int(first) == p.quote {
			if i, ok = p.generalField(b, data, i, k); !ok {
				return 0, false
			}
			continue
		}
		f := &p.fields[col.field]
		c := &b.Columns[col.field]
		if first == col.stop && f.nothing {
			c.addNull()
			i++
			continue
		}
		var v int64
		var x float64
		at := 0
		switch col.form {
		case formInt:
			v, at = scanInt(data, i)
		case formFloat:
			x, at = scanFloat(data, i)
		case formDecimal:
			v, at = scanDecimal(data, i, f.Precision, f.Scale)
		case formDate:
			if v, ok = f.dates.day(data, i); ok {
				at = i + 10
			}
		case formInstant:
			v, at = f.instant(data, i)
		case formLetter:
			if v = int64(f.letters[first]); v != 0 {
				at = i + 1
			}
		}
		if at == 0 || at >= len(data) || data[at] != col.stop {
			if at > 0 && k == last && at+1 < len(data) && data[at] == '\r' && data[at+1] == '\n' {
				at++
			} else {
				if i, ok = p.generalField(b, data, i, k); !ok {
					return 0, false
				}
				continue
			}
		}
		switch col.form {
		case formFloat:
			if f.check && !f.AcceptsFloat(x) && f.Check(tableschema.Value{Float: x}, nil) != nil {
				return 0, false
			}
			c.Floats = append(c.Floats, x)
		case formLetter:
			yes := v == letterTrue
			if f.check && f.Check(tableschema.Value{Bool: yes}, nil) != nil {
				return 0, false
			}
			c.Bools = append(c.Bools, yes)
		default:
			if f.check && !f.AcceptsInt(v) && f.Check(tableschema.Value{Int: v}, nil) != nil {
				return 0, false
			}
			c.Ints = append(c.Ints, v)
		}
		c.Present = append(c.Present, 1)
		i = at + 1
	}
	if !p.validWithin(data, start, i) || !p.absentNulls(b) {
		return 0, false
	}
	return i, true
}

// generalField reads the field at data[i], of column k, quoted or not, and returns the offset of what follows it.
func (p *Parser) generalField(b *Batch, data []byte, i, k int) (next int, ok bool) {
	col := &p.columns[k]
	var text []byte
	var end int
	if int(data[i]) == p.quote {
		var closing int
		if text, closing = quotedText(data, i+1, byte(p.quote), &p.scratch); closing < 0 {
			return 0, false
		}
		end = closing + 1
		if end+1 < len(data) && data[end] == '\r' && col.stop == '\n' {
			end++
		}
	} else {
		end = findEither(data, i, uint64(p.delimiter)*low, '\n'*low)
		text = data[i:end]
		if n := len(text); col.stop == '\n' && n > 0 && text[n-1] == '\r' {
			if text = text[:n-1]; n > 1 && text[n-2] == '\r' {
				return 0, false
			}
		}
		if blanksThenQuote(text, p.quote) {
			return 0, false
		}
	}
	if end >= len(data) || data[end] != col.stop {
		return 0, false
	}
	if col.form == formSkip {
		return end + 1, true
	}
	f := &p.fields[col.field]
	if col.form == formText && !f.check && !f.Missing(text) {
		b.Columns[col.field].addText(text)
		return end + 1, true
	}
	return end + 1, p.put(b, col.field, text)
}
