package contract

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCut(t *testing.T) {
	for _, short := range []string{"", "why", strings.Repeat("x", maxReason)} {
		if got := Cut(short); got != short {
			t.Errorf("%d bytes became %d", len(short), len(got))
		}
	}
	for pad := range 4 { // wherever the limit falls within a character
		long := strings.Repeat("x", pad) + strings.Repeat("😀", 1<<20)
		got := Cut(long)
		if len(got) > maxReason || len(got) < maxReason-utf8.UTFMax || !utf8.ValidString(got) ||
			!strings.HasPrefix(long, strings.TrimSuffix(got, " [...]")) || !strings.HasSuffix(got, " [...]") {
			t.Errorf("%d bytes became %d, ending in %q", len(long), len(got), got[len(got)-12:])
		}
	}
}
