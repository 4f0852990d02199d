package send

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func TestFilesKeepWhatIsReached(t *testing.T) {
	dir := t.TempDir()
	open := func() (*Files, State) {
		t.Helper()
		f := &Files{State: filepath.Join(dir, "state"), Refused: filepath.Join(dir, "refused")}
		s, err := f.Open("source", "readings")
		if err != nil {
			t.Fatal(err)
		}
		return f, s
	}
	content := func() string {
		data, err := os.ReadFile(filepath.Join(dir, "refused"))
		if err != nil {
			return ""
		}
		return string(data)
	}
	f, s := open()
	if s != (State{Source: "source", Segment: "readings"}) {
		t.Errorf("a new one: %+v", s)
	}
	s.Offset, s.Records = 10, 3
	if err := f.Save(s, nil); err != nil || content() != "" {
		t.Error(err, content())
	}
	s.Offset = 20
	if err := f.Save(s, []Refused{{Line: 2, Reason: "a"}}); err != nil {
		t.Fatal(err)
	}
	first := content()
	if err := f.append([]Refused{{Line: 3, Reason: "b"}}); err != nil { // and it dies before it replaces the state
		t.Fatal(err)
	}
	if strings.Count(content(), "\n") != 2 {
		t.Errorf("before: %s", content())
	}
	f, s = open()
	if s.Offset != 20 || s.Records != 3 || content() != first {
		t.Errorf("reopened: %+v, %s", s, content())
	}
	if err := f.Save(s, []Refused{{Line: 4, Reason: "c"}}); err != nil || strings.Contains(content(), `"b"`) ||
		strings.Count(content(), "\n") != 2 {
		t.Errorf("%v, %s", err, content())
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".dip-send-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, c := range [][2]string{{"other", "readings"}, {"source", "signals"}} {
		if _, err := f.Open(c[0], c[1]); err == nil || !strings.Contains(err.Error(), "has changed") {
			t.Errorf("%v: %v", c, err)
		}
	}
	if err := os.Remove(f.Refused); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open("source", "readings"); err == nil {
		t.Error("the refused records are gone")
	}
	if err := os.WriteFile(f.State, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open("source", "readings"); err == nil {
		t.Error("a damaged state was read")
	}
}
