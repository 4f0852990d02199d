package terminal

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Printable makes untrusted text safe for a terminal: control characters, invalid bytes and everything else that is
// not printable are escaped as in a Go string, so that no record or file name can move the cursor.
func Printable(s string) string {
	clean := true
	for _, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Columns is the width of a text in terminal columns.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

func columns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Fit shortens a text to at most n columns; "…" replaces its middle, so that both ends of a name stay visible.
func Fit(s string, n int) string {
	if Columns(s) <= n {
		return s
	}
	if n <= 1 {
		return strings.Repeat("…", max(n, 0))
	}
	runes := []rune(s)
	head, tail := n/2, n-1-n/2
	i, used := 0, 0
	for used+columns(runes[i]) <= head {
		used += columns(runes[i])
		i++
	}
	j, used := len(runes), 0
	for j > i && used+columns(runes[j-1]) <= tail {
		j--
		used += columns(runes[j])
	}
	return string(runes[:i]) + "…" + string(runes[j:])
}

// Bar draws a progress bar of n columns for a share from 0 to 1: "[=====>    ]".
func Bar(share float64, n int) string {
	inner := max(n-2, 1)
	full := int(min(max(share, 0), 1) * float64(inner))
	switch {
	case full == inner:
		return "[" + strings.Repeat("=", inner) + "]"
	default:
		return "[" + strings.Repeat("=", full) + ">" + strings.Repeat(" ", inner-full-1) + "]"
	}
}
