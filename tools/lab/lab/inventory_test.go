package lab

import (
	"slices"
	"testing"
)

func TestBeyond(t *testing.T) {
	before := inventory{"v1 pods a/b": true, "v1 pods a/c": true}
	now := inventory{"v1 pods a/c": true, "v1 pods a/e": true, "v1 pods a/d": true}
	if got, want := now.beyond(before), []string{"v1 pods a/d", "v1 pods a/e"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if got := before.beyond(before); len(got) != 0 {
		t.Errorf("left are %q of nothing new", got)
	}
}
