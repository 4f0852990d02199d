package tableschema

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// castNumeric reads an integer or a number as the field writes them.
func (f *Field) castNumeric(text []byte) (Value, error) {
	text = trim(text)
	var scratch [64]byte
	if !f.PlainNumber() {
		if f.Type == Number && f.Decimal == nil {
			if x, ok := special(text); ok {
				return Value{Float: x}, nil
			}
		}
		var err error
		if text, err = f.plain(scratch[:0], text); err != nil {
			return Value{}, err
		}
	}
	if f.Type == Integer {
		n, err := parseExact(text, 0, math.MaxInt64)
		return Value{Int: n}, err
	}
	return f.number(text)
}

// number reads a number in plain form.
func (f *Field) number(text []byte) (Value, error) {
	if f.Decimal != nil {
		n, err := parseExact(text, f.Decimal.Scale, pow10[f.Decimal.Precision]-1)
		switch {
		case errors.Is(err, errInteger):
			err = errNumber
		case errors.Is(err, errWhole):
			err = errScale[f.Decimal.Scale]
		case errors.Is(err, errIntRange):
			err = errPrecision[f.Decimal.Precision]
		}
		return Value{Int: n}, err
	}
	if !isNumber(text) {
		x, ok := special(text)
		if !ok {
			return Value{}, errNumber
		}
		return Value{Float: x}, nil
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil { // the form is right, so the range is wrong
		return Value{}, errRange
	}
	return Value{Float: x}, nil
}

// special reads the words for what digits cannot say.
func special(text []byte) (x float64, ok bool) {
	sign := 1
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	} else if strings.EqualFold(string(text), "nan") {
		return math.NaN(), true
	}
	if word := string(text); strings.EqualFold(word, "inf") || strings.EqualFold(word, "infinity") {
		return math.Inf(sign), true
	}
	return 0, false
}

// isNumber tests the form [+-] digits [. digits] [e [+-] digits], with a digit before or after the point.
func isNumber(b []byte) bool {
	i := sign(b)
	whole := digits(b[i:])
	i += whole
	fraction := 0
	if i < len(b) && b[i] == '.' {
		fraction = digits(b[i+1:])
		i += 1 + fraction
	}
	if whole+fraction == 0 {
		return false
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		i += sign(b[i:])
		n := digits(b[i:])
		if n == 0 {
			return false
		}
		i += n
	}
	return i == len(b)
}

func sign(b []byte) int {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		return 1
	}
	return 0
}

func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	return n
}

var pow10 = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
	1e18}

// parseExact reads a number as an integer count of 10^-scale units, exactly. Errors: errInteger for
// anything but a number, errWhole for digits beyond the scale, errIntRange for more than limit (the smallest int64 is
// allowed as well as the largest).
func parseExact(b []byte, scale int, limit int64) (int64, error) {
	if !isNumber(b) {
		return 0, errInteger
	}
	i := sign(b)
	negative := b[0] == '-'
	var n uint64
	zeros, exponent, point, large := 0, scale, false, false
	for ; i < len(b) && b[i]|0x20 != 'e'; i++ {
		switch {
		case b[i] == '.':
			point = true
			continue
		case point:
			exponent--
		}
		if b[i] == '0' { // kept back: trailing zeros only shift
			zeros++
			continue
		}
		if n != 0 {
			large = large || !times10(&n, zeros+1)
		}
		zeros = 0
		d := uint64(b[i] - '0')
		large = large || n > math.MaxUint64-d
		n += d
	}
	exponent += zeros
	if i < len(b) {
		e, err := strconv.Atoi(string(b[i+1:]))
		if err != nil || e > 1<<20 || e < -1<<20 {
			e = 1 << 20
			if b[i+1] == '-' {
				e = -e
			}
		}
		exponent += e
	}
	if n == 0 && !large {
		return 0, nil
	}
	if exponent < 0 {
		return 0, errWhole
	}
	if large || !times10(&n, exponent) {
		return 0, errIntRange
	}
	top := uint64(limit)
	if negative && limit == math.MaxInt64 {
		top++
	}
	if n > top {
		return 0, errIntRange
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// times10 multiplies by 10^k; false when that overflows.
func times10(n *uint64, k int) bool {
	for ; k > 0; k-- {
		if *n > math.MaxUint64/10 {
			return false
		}
		*n *= 10
	}
	return true
}

// Errors of decimals, by scale and by precision.
var errScale, errPrecision = func() (s, p [19]error) {
	for i := range s {
		s[i] = errorString("has more than " + strconv.Itoa(i) + " digits after the point")
		p[i] = errorString("has more than " + strconv.Itoa(i) + " digits")
	}
	return s, p
}()

type errorString string

func (e errorString) Error() string { return string(e) }
