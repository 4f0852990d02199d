package tableschema

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pattern is a compiled strptime format: literal bytes and directives.
//
// It follows Python's strptime: numbers may omit leading zeros (a year may not) and take as many digits as fit their
// range, a space matches one or more spaces, names are English and their case does not matter. Names of weekdays are
// read and not compared to the date. %f takes up to six digits. %z takes Z, +hh, +hhmm or +hh:mm, %Z a name of zones,
// and both in one pattern have to agree.
type pattern struct{ steps []step }

type step struct {
	directive byte   // 0: literal
	literal   string // ' ' stands for any white space
}

// reads says whether a format has exactly these steps.
func (p *pattern) reads(format string) bool {
	q := &pattern{}
	return q.compile(format, map[byte]bool{}) == nil && slices.Equal(p.steps, q.steps)
}

// compound directives, written out.
var compound = map[byte]string{'T': "%H:%M:%S", 'R': "%H:%M", 'F': "%Y-%m-%d", 'D': "%m/%d/%y"}

const dateDirectives, clockDirectives = "YymbBdejaA", "HIMSfpzZ"

var (
	monthNames = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september",
		"october", "november", "december"}
	weekdayNames = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

func compilePattern(format string, t Type) (*pattern, error) {
	p := &pattern{}
	has := map[byte]bool{}
	if err := p.compile(format, has); err != nil {
		return nil, err
	}
	if len(has) == 0 {
		return nil, errors.New("unknown format: want default, any or a strptime pattern")
	}
	any := func(set string) bool {
		return slices.ContainsFunc([]byte(set), func(d byte) bool { return has[d] })
	}
	day := has['j'] || any("mbB") && any("de")
	switch {
	case t != Time && (!any("Yy") || !day):
		return nil, fmt.Errorf("a %s needs a year (%%Y or %%y), a month (%%m, %%b or %%B) and a day (%%d), or %%Y and %%j", t)
	case t == Time && any(dateDirectives):
		return nil, errors.New("a time has no date directives")
	case t == Time && any("zZ"):
		return nil, errors.New("a time has no offset: want a datetime")
	case t == Date && any(clockDirectives):
		return nil, errors.New("a date has no directives of time")
	case t == Time && !any("HI"):
		return nil, errors.New("a time needs an hour (%H or %I)")
	case has['I'] && !has['p']:
		return nil, errors.New("%I needs %p")
	}
	return p, nil
}

func (p *pattern) compile(format string, has map[byte]bool) error {
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c == ' ' || c == '\t' {
			p.steps = append(p.steps, step{literal: " "})
			continue
		}
		if c != '%' {
			p.steps = append(p.steps, step{literal: string(c)})
			continue
		}
		i++
		if i == len(format) {
			return errors.New("ends in %")
		}
		c = format[i]
		switch {
		case c == '%':
			p.steps = append(p.steps, step{literal: "%"})
		case compound[c] != "":
			if err := p.compile(compound[c], has); err != nil {
				return err
			}
		case strings.IndexByte(dateDirectives+clockDirectives, c) >= 0:
			p.steps = append(p.steps, step{directive: c})
			has[c] = true
		default:
			return fmt.Errorf("unknown directive %%%c", c)
		}
	}
	return nil
}

// moment is what has been parsed so far.
type moment struct {
	year, month, day, yearday    int
	hour, minute, second, micros int
	half                         int // 0 none, 1 AM, 2 PM
	offset                       int64
	zoned                        bool // offset was read
}

// parse reads the text as days, microseconds since midnight or microseconds since 1970, as the type has it.
func (p *pattern) parse(text []byte, t Type) (int64, error) {
	m := moment{month: 1, day: 1}
	rest := text
	for _, s := range p.steps {
		var ok bool
		if s.directive != 0 {
			rest, ok = m.read(s.directive, rest)
		} else if s.literal == " " {
			trimmed := bytes.TrimLeft(rest, " \t")
			ok = len(trimmed) < len(rest)
			rest = trimmed
		} else {
			rest, ok = bytes.CutPrefix(rest, []byte(s.literal))
		}
		if !ok {
			return 0, errPattern
		}
	}
	if len(rest) > 0 {
		return 0, errPattern
	}
	hour := m.hour
	if m.half != 0 {
		hour = hour%12 + 12*(m.half-1)
	}
	clock := int64(hour*3600+m.minute*60+m.second)*microsPerSecond + int64(m.micros)
	if t == Time {
		return clock, nil
	}
	days, ok := Days(m.year, m.month, m.day)
	if m.yearday > 0 {
		start, _ := Days(m.year, 1, 1)
		next, _ := Days(m.year+1, 1, 1)
		days, ok = start+int64(m.yearday)-1, start+int64(m.yearday)-1 < next
	}
	if !ok {
		return 0, errNoDay
	}
	if t == Date {
		return days, nil
	}
	return days*microsPerDay + clock - m.offset*microsPerSecond, nil
}

// read consumes one directive.
func (m *moment) read(directive byte, b []byte) (rest []byte, ok bool) {
	switch directive {
	case 'Y':
		if len(b) < 4 {
			return b, false
		}
		m.year, ok = fixed(b[:4])
		return b[4:], ok
	case 'y':
		rest, ok = number(b, 0, 99, 2, &m.year)
		if ok && len(b)-len(rest) != 2 {
			return b, false
		}
		if m.year < 69 { // POSIX: 69 to 99 are of the 20th century
			m.year += 100
		}
		m.year += 1900
		return rest, ok
	case 'm':
		return number(b, 1, 12, 2, &m.month)
	case 'd', 'e':
		return number(b, 1, 31, 2, &m.day)
	case 'j':
		return number(b, 1, 366, 3, &m.yearday)
	case 'H':
		return number(b, 0, 23, 2, &m.hour)
	case 'I':
		return number(b, 1, 12, 2, &m.hour)
	case 'M':
		return number(b, 0, 59, 2, &m.minute)
	case 'S':
		return number(b, 0, 59, 2, &m.second)
	case 'f':
		n := min(digits(b), 6)
		m.micros = int(fraction(b[:n]))
		return b[n:], n > 0
	case 'b', 'B':
		rest, m.month, ok = name(b, monthNames, directive == 'b')
		m.month++
		return rest, ok
	case 'a', 'A':
		rest, _, ok = name(b, weekdayNames, directive == 'a')
		return rest, ok
	case 'p':
		rest, m.half, ok = name(b, []string{"am", "pm"}, false)
		m.half++
		return rest, ok
	case 'Z':
		n := 0
		for n < len(b) && b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' {
			n++
		}
		offset, known := zoneOffset(b[:n])
		return b[n:], known && m.east(offset)
	}
	// z: the longest offset that can be read
	for n := min(len(b), 6); n > 0; n-- {
		if offset, ok := parseOffset(b[:n]); ok {
			return b[n:], m.east(offset)
		}
	}
	return b, false
}

// east records the offset. False when a different one was read before.
func (m *moment) east(offset int64) bool {
	if m.zoned && m.offset != offset {
		return false
	}
	m.offset, m.zoned = offset, true
	return true
}

// number reads the longest run of up to width digits whose value is within the range.
func number(b []byte, low, high, width int, into *int) (rest []byte, ok bool) {
	for n := min(digits(b), width); n > 0; n-- {
		v, err := strconv.Atoi(string(b[:n]))
		if err == nil && v >= low && v <= high {
			*into = v
			return b[n:], true
		}
	}
	return b, false
}

// name reads one of the names, or of their first three letters, in any case.
func name(b []byte, names []string, short bool) (rest []byte, index int, ok bool) {
	for i, s := range names {
		if short {
			s = s[:3]
		}
		if len(b) >= len(s) && strings.EqualFold(string(b[:len(s)]), s) {
			return b[len(s):], i, true
		}
	}
	return b, 0, false
}
