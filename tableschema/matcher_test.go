package tableschema

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// Which patterns are fast, and which runs must leave to regexp.
func TestMatcherKinds(t *testing.T) {
	for _, c := range []struct {
		pattern string
		fast    bool
	}{
		{`[0-9]+`, true}, {`^[0-9]+$`, true}, {`[^/]+/[^/]+`, true}, {`\d{4}-\d{2}`, true}, {`([A-Z]{2})(\d*)`, true},
		{`a?b*c`, true},
		{`[^@]+@[a-z]+\.com`, true}, {`.*`, true}, {`(?s).+`, true}, {``, true}, {`abc`, true}, {`[a-c]{2,3}x{2}`, true},
		{`a|b|[0-9]`, true},
		{`[a-z]+[0-9]?_`, true}, {`(a)+`, true},
		{`[a-z]+[a-c]`, false}, {`[a-z]*[0-9]?b`, false}, {`a{1,2}a`, false}, {`.+x`, false}, {`ab|c`, false},
		{`(ab)+`, false}, {`é`, false}, {`[é-ü]+`, false},
		{`[^/]`, false}, {`[^/]{2,}`, false}, {`[^/]?`, false}, {`(?i)k+`, false}, {`(?i)ab`, false}, {`\bx`, false},
		{`(?m)^a$`, false},
		{`a$b`, false}, {`a^b`, false}, {`[^/é]+`, false}, {`[\x{0}-\x{ff}]+`, false}, {`[\x{81}-\x{10ffff}]+`, false},
		{`(?:^)*a`, false}, {`^a$|^b$`, false}, {`x{0}y*y`, false},
	} {
		m, err := compileMatcher(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if _, fast := m.(runs); fast != c.fast {
			t.Errorf("%s: fast %v", c.pattern, fast)
		}
	}
}

// agree compares a pattern's matcher with regexp.
func agree(t *testing.T, pattern string, texts ...[]byte) {
	t.Helper()
	m, err := compileMatcher(pattern)
	re, reErr := regexp.Compile("^(?:" + pattern + ")$")
	if (err == nil) != (reErr == nil) {
		t.Fatalf("%q: %v; regexp: %v", pattern, err, reErr)
	}
	if err != nil {
		return
	}
	for _, text := range texts {
		if m.Match(text) != re.Match(text) {
			t.Fatalf("%q on %q: %v, regexp: %v", pattern, text, m.Match(text), re.Match(text))
		}
	}
}

func TestMatcherAgainstRegexp(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	classes := []string{"a", "b", "/", `\.`, "[ab]", "[^/]", "[^a]", ".", `\d`, "[a-c1]", "(a)", "([b/])", "(?s:.)", "é",
		`\PL`, "[^\u0080-\u00ff]", `[^\x7f-\x80]`, `[\x{0}-\x{ff}]`, "\ufffd"}
	counts := []string{"", "", "", "+", "*", "?", "{2}", "{0,2}", "{1,3}", "{2,}", "{0}", "+?", "*?"}
	texts := []string{"a", "a", "b", "/", ".", "1", "c", "é", "\n", "\xff", "\xc3", "\ufffd", "\x7f", "\u0080"}
	fast := 0
	for range 4000 {
		var pattern strings.Builder
		for range r.IntN(5) {
			pattern.WriteString(pick(classes) + pick(counts))
		}
		p := pattern.String()
		switch r.IntN(20) {
		case 0:
			p = "^" + p + "$"
		case 1:
			p = "(?i)" + p
		case 2:
			p += "|a"
		}
		if m, err := compileMatcher(p); err != nil {
			t.Fatal(err)
		} else if _, ok := m.(runs); ok {
			fast++
		}
		samples := make([][]byte, 30)
		for i := range samples {
			for range r.IntN(7) {
				samples[i] = append(samples[i], pick(texts)...)
			}
		}
		agree(t, p, samples...)
	}
	if fast < 500 {
		t.Errorf("only %d patterns are fast", fast)
	}
}

func FuzzMatcher(f *testing.F) {
	f.Add("[^/]+/[^/]+", []byte("a/b"))
	f.Add(`^\d{1,3}(\.[0-9]*)?$`, []byte("12.5"))
	f.Add("(?i)k{2,}[^é]*", []byte("K\u212a\xff"))
	f.Fuzz(func(t *testing.T, pattern string, text []byte) { agree(t, pattern, text) })
}
