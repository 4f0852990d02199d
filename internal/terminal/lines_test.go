package terminal

import "testing"

func TestLinesKeepTheEnd(t *testing.T) {
	var last string
	w := &Lines{Say: func(format string, args ...any) { last = args[0].(string) }}
	for _, part := range []string{"bui", "lding\n\nwrote", " it\nno newline"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if last != "wrote it" || w.Tail() != "building\nwrote it\nno newline" {
		t.Errorf("last %q, tail %q", last, w.Tail())
	}
}
