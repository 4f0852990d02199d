package restore

import (
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/interval"
)

// Deliveries compete: of the batches behind a record the way is taken that reaches the farthest.
func TestFollow(t *testing.T) {
	for _, c := range []struct {
		name, batches string // after-last
		at            contract.Sequence
		want          string
		left          int
	}{
		{"nothing", "", "", "", 0},
		{"one behind the other", "9-10 -9 10-100", "", "-9 9-10 10-100", 0},
		{"from a record on", "-9 9-10 10-100", "9", "9-10 10-100", 0},
		{"a shorter one that nothing follows", "-9 -5 9-12", "", "-9 9-12", 0},
		{"a longer one that nothing follows", "-9 -5 5-7 7-20", "", "-5 5-7 7-20", 0},
		{"one is missing", "-9 12-20 20-30", "", "-9", 2},
		{"the first is missing", "9-12", "", "", 1},
	} {
		var all []batch
		for word := range strings.FieldsSeq(c.batches) {
			after, last, _ := strings.Cut(word, "-")
			all = append(all, batch{Archived: contract.Archived{After: after, Last: last, Key: word}})
		}
		way, left := follow(c.at, all)
		var got []string
		for _, b := range way {
			got = append(got, b.Key)
		}
		if strings.Join(got, " ") != c.want || left != c.left {
			t.Errorf("%s: %v and %d left, want %s and %d", c.name, got, left, c.want, c.left)
		}
	}
}

func TestBefore(t *testing.T) {
	for key, want := range map[string]interval.Cursor{
		contract.ArchiveKey("s", "shardId-1", "", 77, "abcdefabcdef"): {Through: 77},
		contract.ArchiveKey("s", "shardId-1", "", 0, "abcdefabcdef"):  {},
		contract.ArchiveKey("s", "shardId-1", "495", 77, "abcdefabc"): {After: "495"},
	} {
		if got, err := before(key); err != nil || got != want {
			t.Errorf("%s: %+v, %v", key, got, err)
		}
	}
	for _, key := range []string{"archive/s/x/begin.x-a", "archive/s/x/begin-a", "archive/s/x/-a"} {
		if got, err := before(key); err == nil {
			t.Errorf("%s: %+v", key, got)
		}
	}
}
