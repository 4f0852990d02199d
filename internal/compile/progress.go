package compile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// progress counts what the go tool writes, a line for each module that it downloads and each package that it compiles.
type progress struct {
	what    string          // what is built, as in "compiling WHAT"
	modules int             // to download
	stale   map[string]bool // packages to compile

	downloaded, compiled int
	rest                 []string // lines that tell no progress: what is wrong
}

// line takes a line in. It returns what to say of it; "" when it tells no progress.
func (p *progress) line(line string) string {
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return ""
	case strings.HasPrefix(line, "go: downloading "):
		p.downloaded++
		return fmt.Sprintf("downloading modules: %s of %s", grouped(p.downloaded), grouped(max(p.modules, p.downloaded)))
	case p.stale[line]:
		p.compiled++
		return p.compiling()
	}
	p.rest = append(p.rest, line)
	return ""
}

// compiling says how far it is. The go tool names a package as it begins with it, and links after the last one.
func (p *progress) compiling() string {
	if p.compiled == len(p.stale) {
		return "linking " + p.what
	}
	return fmt.Sprintf("compiling %s: %s of %s packages", p.what, grouped(p.compiled), grouped(len(p.stale)))
}

// grouped writes a number with thousands separated: "1,204".
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Every passes on what is said when the last time is at least an interval ago: progress for a log, which keeps each
// line.
func Every(interval time.Duration, now func() time.Time, say func(string)) func(string) {
	last := now()
	return func(text string) {
		if t := now(); t.Sub(last) >= interval {
			last = t
			say(text)
		}
	}
}
