package tableschema

import (
	"math"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// matcher tests whole texts against a pattern.
type matcher interface{ Match(text []byte) bool }

// compileMatcher compiles a pattern that a whole text is to match. Most patterns in schemas are simple enough for runs.
func compileMatcher(pattern string) (matcher, error) {
	anchored := "^(?:" + pattern + ")$"
	re, err := regexp.Compile(anchored)
	if err != nil {
		return nil, err
	}
	if r, ok := compileRuns(anchored); ok {
		return r, nil
	}
	return re, nil
}

// runs matches a concatenation of repeated byte classes, such as [0-9]+ or [^/]+/[a-z]{1,3}, in one pass and without
// backtracking. It is for patterns in which each run can greedily take all bytes that it may: then there is at most one
// way to match.
type runs []run

// run is min to max bytes of a set.
type run struct {
	set      [256]bool
	min, max int
}

// Match says whether the whole text matches.
func (r runs) Match(text []byte) bool {
	i := 0
	for k := range r {
		run := &r[k]
		start, limit := i, len(text)
		if limit-i > run.max {
			limit = i + run.max
		}
		for i < limit && run.set[text[i]] {
			i++
		}
		if i-start < run.min {
			return false
		}
	}
	return i == len(text)
}

// compileRuns gives ok false for expressions that runs cannot express.
func compileRuns(expression string) (r runs, ok bool) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, false
	}
	parts := flatten(nil, parsed)
	if len(parts) < 2 || parts[0].Op != syntax.OpBeginText || parts[len(parts)-1].Op != syntax.OpEndText {
		return nil, false
	}
	parts = parts[1 : len(parts)-1]
	// Patterns may have the anchors that they get anyway.
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts = parts[1:]
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		parts = parts[:len(parts)-1]
	}
	for _, part := range parts {
		if r, ok = r.add(part); !ok {
			return nil, false
		}
	}
	return r, r.deterministic()
}

// flatten lists the parts of a concatenation, however it is grouped.
func flatten(parts []*syntax.Regexp, re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			parts = flatten(parts, sub)
		}
		return parts
	case syntax.OpEmptyMatch:
		return parts
	}
	return append(parts, re)
}

func (r runs) add(re *syntax.Regexp) (runs, bool) {
	least, most := 1, 1
	switch re.Op {
	case syntax.OpStar:
		least, most = 0, math.MaxInt
	case syntax.OpPlus:
		most = math.MaxInt
	case syntax.OpQuest:
		least = 0
	case syntax.OpRepeat:
		if least, most = re.Min, re.Max; most < 0 {
			most = math.MaxInt
		}
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			if c >= utf8.RuneSelf || re.Flags&syntax.FoldCase != 0 {
				return nil, false
			}
			one := run{min: 1, max: 1}
			one.set[c] = true
			r = append(r, one)
		}
		return r, true
	}
	class := re
	if least != 1 || most != 1 || re.Op == syntax.OpRepeat {
		class = re.Sub[0]
		for class.Op == syntax.OpCapture {
			class = class.Sub[0]
		}
	}
	set, wide, ok := bytesOf(class)
	// A character beyond ASCII is several bytes: they can be told from fewer characters only where the number of
	// characters does not matter.
	if !ok || wide && (least > 1 || most < math.MaxInt) {
		return nil, false
	}
	return append(r, run{set: set, min: least, max: most}), true
}

// bytesOf is the set of bytes of a class that has all characters beyond ASCII (wide) or none.
func bytesOf(re *syntax.Regexp) (set [256]bool, wide, ok bool) {
	ranges := re.Rune
	switch re.Op {
	case syntax.OpCharClass:
	case syntax.OpAnyChar:
		ranges = []rune{0, utf8.MaxRune}
	case syntax.OpAnyCharNotNL:
		ranges = []rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}
	case syntax.OpLiteral:
		if len(ranges) != 1 || re.Flags&syntax.FoldCase != 0 {
			return set, false, false
		}
		ranges = []rune{ranges[0], ranges[0]}
	default:
		return set, false, false
	}
	for i := 0; i < len(ranges); i += 2 {
		first, last := ranges[i], ranges[i+1]
		if last >= utf8.RuneSelf {
			if first > utf8.RuneSelf || last != utf8.MaxRune {
				return set, false, false
			}
			wide, last = true, math.MaxUint8
		}
		for c := first; c <= last; c++ {
			set[c] = true
		}
	}
	return set, wide, true
}

// deterministic says that no run can take a byte that the match needs for a later one: where a run of a variable
// length may end, the byte that follows it is not of its set.
func (r runs) deterministic() bool {
	for i := range r {
		if r[i].min == r[i].max {
			continue
		}
		for j := i + 1; j < len(r); j++ {
			for c := range r[i].set {
				if r[i].set[c] && r[j].set[c] {
					return false
				}
			}
			if r[j].min > 0 {
				break
			}
		}
	}
	return true
}
