package balancer

import (
	"slices"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		answers string // + good, - bad
		want    state
	}{
		{"", initial},
		{"+", healthy}, // one is enough at first
		{"-", initial},
		{"-+", healthy},
		{"--", unhealthy},
		{"--++", unhealthy},
		{"--+++", healthy},
		{"--++-+", unhealthy},
		{"+-", healthy},
		{"+-+-", healthy},
		{"+--", unhealthy},
	} {
		got := condition{}
		for _, a := range c.answers {
			got = got.heard(a == '+', health{healthyAt: 3, illAt: 2})
		}
		if got.state != c.want {
			t.Errorf("%s: state %d, want %d", c.answers, got.state, c.want)
		}
	}
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		targets map[string]condition
		want    string
	}{
		{nil, ""},
		{map[string]condition{"a": {state: healthy}, "b": {state: unhealthy}, "c": {state: initial}}, "a"},
		{map[string]condition{"b": {state: unhealthy}, "a": {state: initial}}, "a b"}, // it fails open
		{map[string]condition{"b": {state: healthy}, "a": {state: healthy}}, "a b"},
	} {
		if got := open(c.targets); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%v: %q, want %q", c.targets, got, c.want)
		}
	}
}
