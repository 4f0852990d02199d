package scenarios

import (
	"testing"

	"dip/tools/lab/images"
)

func TestProgramsOfPods(t *testing.T) {
	p := podPrograms{
		images: images.Table{{Prefix: "own/"}, {Prefix: "escalator:", Program: "escalator"},
			{Prefix: "keda:", Program: "keda"}},
		binaries: map[string]string{"escalator": "/tools/escalator", "trips": "/tools/trips"}, own: "/image",
	}
	for _, c := range []struct{ image, command, want string }{
		{"own/images:1", "/app/trips", "/image/trips"},
		{"escalator:1", "/main", "/tools/escalator"},
		{"keda:1", "/keda", ""}, // not built
		{"other:1", "/trips", ""},
	} {
		if got, ok := p.path(c.image, []string{c.command}); got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s runs %q (%v), want %q", c.image, c.command, got, ok, c.want)
		}
	}
}
