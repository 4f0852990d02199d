package record

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// digitsOf reads what scanDigits does, byte by byte.
func digitsOf(b string) (v int64, scale int, negative bool, end int) {
	if strings.HasPrefix(b, "-") {
		negative, end = true, 1
	}
	digits, point := 0, false
	for ; end < len(b); end++ {
		c := b[end]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if v = v*10 + int64(c-'0'); point {
			scale++
		}
	}
	if digits == 0 || digits > 18 {
		return 0, 0, false, 0
	}
	return v, scale, negative, end
}

// TestDigits compares what is read eight bytes at a time with what is read byte by byte.
func TestDigits(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	const characters = "0123456789999000.-,\n\xff\x8a:/ "
	for range 300_000 {
		var text strings.Builder
		for range r.IntN(21) {
			text.WriteByte(characters[min(r.IntN(len(characters)), r.IntN(len(characters)))])
		}
		b := []byte(text.String())
		v, scale, negative, end := digitsOf(text.String())
		if a, b, c, d := scanDigits(b, 0); a != v || b != scale || d > 0 && c != negative || d != end {
			t.Fatalf("%q: digits %d %d %v to %d, want %d %d %v to %d", text.String(), a, b, c, d, v, scale, negative, end)
		}
		whole, _, _ := strings.Cut(text.String(), ".")
		v, _, negative, end = digitsOf(whole)
		if negative {
			v = -v
		}
		if got, stop := scanInt(b, 0); got != v || stop != end {
			t.Fatalf("%q: integer %d to %d, want %d to %d", text.String(), got, stop, v, end)
		}
	}
}

// TestLetters has booleans of one character, among others.
func TestLetters(t *testing.T) {
	const schema = `{"missingValues":["","?"],"fields":[{"name":"a"},
		{"name":"b","type":"boolean","trueValues":["Y","?","ja","\n","\r"],
		"falseValues":["N","\u00e4"],"constraints":{"enum":[true]}}]}`
	for _, c := range []struct{ record, want string }{
		{"x,Y\n", "x|true"}, {"x,Y\r\n", "x|true"}, {"x,\"Y\"\n", "x|true"}, {"x,ja\n", "x|true"}, {"x,?\n", "x|NULL"},
		{"x,\n", "x|NULL"}, {"x,\r\n", "x|NULL"}, {"x,N\n", "!"}, {"x,Ya\n", "!"}, {"x,Y,\n", "!"}, {"x,Y", "x|true"},
		{"x,\u00e4\n", "!"},
	} {
		p := mustParser(t, schema, csvDialect, Options{})
		got, bad := outcomes(t, p, c.record)
		if len(got) == 0 {
			got = []string{"!"}
		}
		if got[0] != c.want || len(bad) > 1 {
			t.Errorf("%q: %q %q, want %s", c.record, got, bad, c.want)
		}
	}
	required := mustParser(t, strings.Replace(schema, `{"enum"`, `{"required":true,"enum"`, 1), csvDialect, Options{})
	if got, bad := outcomes(t, required, "x,\n\nx,Y\n"); len(got) != 1 || len(bad) != 1 {
		t.Errorf("a line feed that is a value: %q %q", got, bad)
	}
	letters := csvDialect
	letters.Delimiter = "Y"
	p := mustParser(t, schema, letters, Options{})
	if got, bad := outcomes(t, p, "xYja\nxY\nxYY\n"); len(got) != 2 || len(bad) != 1 {
		t.Errorf("a delimiter that is a value: %q %q", got, bad)
	}
}

// TestKeyOrders reads records whose keys come in any order, some not at all, some unknown, spaced or escaped: one
// parser for all, and a new one for each, which has learned nothing.
func TestKeyOrders(t *testing.T) {
	const schema = `{"fields":[{"name":"a","type":"integer"},{"name":"b","path":"o.b"},` +
		`{"name":"c","path":"o.c"},{"name":"d"}]}`
	r := rand.New(rand.NewPCG(8, 2))
	inner := []string{`"b":"1"`, `"c":"2"`, `"c" :"3"`, `"x":[1,{"b":"4"}]`, `"\u0062":"5"`, `"y":{}`}
	outer := []string{`"a":1`, `"d":"x"`, `"d":"y"`, `"o":{OBJECT}`, `"o": {OBJECT}`, `"z":{OBJECT}`, `"aa":0`, `"a":"1"`,
		`"o":null`, `"a" 1`, `"e`}
	some := func(of []string) string {
		var out []string
		for _, i := range r.Perm(len(of))[:r.IntN(4)] {
			out = append(out, of[i])
		}
		return strings.Join(out, ",")
	}
	all := mustParser(t, schema, jsonDialect, Options{})
	accepted := 0
	for range 20_000 {
		line := "{" + some(outer) + "}"
		for strings.Contains(line, "OBJECT") {
			line = strings.Replace(line, "OBJECT", some(inner), 1)
		}
		got, bad := outcomes(t, all, line)
		want, wantBad := outcomes(t, mustParser(t, schema, jsonDialect, Options{}), line)
		if fmt.Sprint(got, bad) != fmt.Sprint(want, wantBad) {
			t.Fatalf("%s: %q %q; a new parser says %q %q", line, got, bad, want, wantBad)
		}
		accepted += len(got)
	}
	if accepted < 2000 {
		t.Errorf("only %d were records", accepted)
	}
	if len(all.root.steps) < len(outer)/2 {
		t.Errorf("%d steps were learned", len(all.root.steps))
	}
}

// TestManyKeys meets more unknown keys than a node keeps.
func TestManyKeys(t *testing.T) {
	p := mustParser(t, `{"fields":[{"name":"a","type":"integer"}]}`, jsonDialect, Options{})
	for i := range 200 {
		line := fmt.Sprintf(`{"k%d":1,"%s":2,"a":%d}`, i, strings.Repeat("k", i), i)
		if got, bad := outcomes(t, p, line); len(got) != 1 || got[0] != fmt.Sprint(i) {
			t.Fatalf("%s: %q %q", line, got, bad)
		}
	}
	if len(p.root.steps) > maxSteps {
		t.Errorf("%d steps, want at most %d", len(p.root.steps), maxSteps)
	}
}
