package terminal

import (
	"bytes"
	"strings"
)

// Lines passes on the last line written, and keeps the end of the whole output.
type Lines struct {
	// Say gets each line that is not empty.
	Say  func(string, ...any)
	part []byte
	last []string
}

// lastLines of a failed command are enough to show why it failed.
const lastLines = 40

func (w *Lines) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		line, rest, ok := bytes.Cut(w.part, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.part = rest
		if text := strings.TrimSpace(string(line)); text != "" {
			w.Say("%s", text)
			w.last = append(w.last, text)
			w.last = w.last[max(0, len(w.last)-lastLines):]
		}
	}
}

// Tail is the end of the output.
func (w *Lines) Tail() string {
	return strings.Join(append(w.last, strings.TrimSpace(string(w.part))), "\n")
}
