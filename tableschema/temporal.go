package tableschema

import (
	"errors"
	"math"
	"strconv"
	"time"
)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
	microsPerDay    = secondsPerDay * microsPerSecond
)

// castTemporal reads a date, datetime or time in the field's format.
func (f *Field) castTemporal(text []byte) (Value, error) {
	if f.pattern != nil {
		n, err := f.pattern.parse(text, f.Type)
		return Value{Int: n}, err
	}
	n, err := parseTemporal(text, f.Type)
	if err != nil && f.Format == "any" {
		if any, ok := parseAny(text, f.Type); ok {
			return Value{Int: any}, nil
		}
	}
	return Value{Int: n}, err
}

// ReadsISODate says whether Cast reads a text of the exact form yyyy-mm-dd as that day. Other texts may be dates too.
func (f *Field) ReadsISODate() bool {
	return f.Type == Date && (f.pattern == nil || f.pattern.reads("%F"))
}

// ReadsISODatetime says whether Cast reads a text of the exact form yyyy-mm-dd, separator (T or a blank), hh:mm:ss, and
// a Z behind if zulu, as that instant. Other texts may be datetimes too.
func (f *Field) ReadsISODatetime(separator byte, zulu bool) bool {
	if f.Type != Datetime || f.pattern == nil {
		return f.Type == Datetime
	}
	form := "%F" + string(separator) + "%T"
	if zulu {
		return f.pattern.reads(form+"Z") || f.pattern.reads(form+"%z")
	}
	return f.pattern.reads(form)
}

func parseTemporal(b []byte, t Type) (int64, error) {
	switch t {
	case Date:
		if len(b) != len("yyyy-mm-dd") {
			return 0, errDate
		}
		return parseDate(b)
	case Time:
		micros, n := parseClock(b)
		if n == 0 || n != len(b) {
			return 0, errTime
		}
		return micros, nil
	}
	const date = len("yyyy-mm-dd")
	if len(b) <= date || b[date] != 'T' && b[date] != ' ' {
		return 0, errDatetime
	}
	days, err := parseDate(b[:date])
	if err != nil {
		if errors.Is(err, errDate) {
			err = errDatetime
		}
		return 0, err
	}
	micros, n := parseClock(b[date+1:])
	if n == 0 {
		return 0, errDatetime
	}
	offset, ok := parseOffset(b[date+1+n:])
	if !ok {
		return 0, errDatetime
	}
	return days*microsPerDay + micros - offset*microsPerSecond, nil
}

// parseDate reads the ten bytes yyyy-mm-dd as days since 1970-01-01.
func parseDate(b []byte) (int64, error) {
	y, ok1 := fixed(b[:4])
	m, ok2 := fixed(b[5:7])
	d, ok3 := fixed(b[8:10])
	if !ok1 || !ok2 || !ok3 || b[4] != '-' || b[7] != '-' {
		return 0, errDate
	}
	days, ok := Days(y, m, d)
	if !ok {
		return 0, errNoDay
	}
	return days, nil
}

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// Days is the number of days from 1970-01-01 to a date of the proleptic Gregorian calendar; false when there is no
// such date.
func Days(year, month, day int) (int64, bool) {
	if month < 1 || month > 12 || day < 1 {
		return 0, false
	}
	last := monthDays[month]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		last = 29
	}
	if day > last {
		return 0, false
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay, true
}

// parseClock reads hh:mm[:ss[.fraction]] at the start of b as microseconds, and says how many bytes that took:
// 0 when there is no time.
func parseClock(b []byte) (micros int64, n int) {
	if len(b) < 5 || b[2] != ':' {
		return 0, 0
	}
	h, ok1 := fixed(b[:2])
	m, ok2 := fixed(b[3:5])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, 0
	}
	micros = int64(h*3600+m*60) * microsPerSecond
	if len(b) < 8 || b[5] != ':' {
		if len(b) > 5 && b[5] == ':' {
			return 0, 0
		}
		return micros, 5
	}
	s, ok := fixed(b[6:8])
	if !ok || s > 59 {
		return 0, 0
	}
	micros += int64(s) * microsPerSecond
	if len(b) == 8 || b[8] != '.' {
		return micros, 8
	}
	width := digits(b[9:])
	if width == 0 {
		return 0, 0
	}
	return micros + fraction(b[9:9+width]), 9 + width
}

// fraction converts the digits after a decimal point to microseconds; finer digits are cut.
func fraction(b []byte) (micros int64) {
	for i := range 6 {
		micros *= 10
		if i < len(b) {
			micros += int64(b[i] - '0')
		}
	}
	return micros
}

// parseOffset reads nothing, Z, +hh, +hhmm or +hh:mm as seconds east of UTC.
func parseOffset(b []byte) (seconds int64, ok bool) {
	if len(b) == 0 || string(b) == "Z" {
		return 0, true
	}
	if b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	var h, m int
	var ok1, ok2 bool
	switch {
	case len(b) == 3:
		h, ok1 = fixed(b[1:])
		ok2 = true
	case len(b) == 5:
		h, ok1 = fixed(b[1:3])
		m, ok2 = fixed(b[3:])
	case len(b) == 6 && b[3] == ':':
		h, ok1 = fixed(b[1:3])
		m, ok2 = fixed(b[4:])
	}
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	seconds = int64(h*3600 + m*60)
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// fixed reads a field of digits only.
func fixed(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// parseYear reads an XML Schema gYear without a time zone: at least four digits, no leading zero beyond four.
func parseYear(b []byte) (int64, error) {
	d := b
	if len(d) > 0 && d[0] == '-' {
		d = d[1:]
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || len(d) < 4 || digits(d) != len(d) || len(d) > 4 && d[0] == '0' || n > math.MaxInt32 ||
		n < math.MinInt32 {
		return 0, errYear
	}
	return n, nil
}

// parseYearmonth reads yyyy-mm as months since year 0.
func parseYearmonth(b []byte) (int64, error) {
	if len(b) < 7 || b[len(b)-3] != '-' {
		return 0, errYearmonth
	}
	m, ok := fixed(b[len(b)-2:])
	y, err := parseYear(b[:len(b)-3])
	if err != nil || !ok || m < 1 || m > 12 {
		return 0, errYearmonth
	}
	return y*12 + int64(m) - 1, nil
}

// isDuration tests the form [-]P[nY][nM][nD][T[nH][nM][n[.n]S]] with at least one part, and one after T.
func isDuration(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) == 0 || b[0] != 'P' {
		return false
	}
	b = b[1:]
	units, parts := "YMD", 0
	for len(b) > 0 {
		if b[0] == 'T' && units != "HMS" && units != "MS" && units != "S" && units != "." {
			units, parts, b = "HMS", 0, b[1:]
			continue
		}
		n := digits(b)
		point := false
		if n > 0 && n < len(b) && b[n] == '.' {
			f := digits(b[n+1:])
			if f == 0 {
				return false
			}
			n, point = n+1+f, true
		}
		if n == 0 || n == len(b) {
			return false
		}
		at := -1
		for i := range len(units) {
			if units[i] == b[n] {
				at = i
				break
			}
		}
		if at < 0 || point && b[n] != 'S' {
			return false
		}
		units, parts, b = units[at+1:], parts+1, b[n+1:]
	}
	return parts > 0
}
