// Package terminal writes for people: numbers with units, tables, progress. Everything but Screen itself is a pure
// function of its arguments.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Screen is where a command writes. Results go to Out, everything else to Err. Its methods are safe for concurrent
// use.
type Screen struct {
	Out, Err io.Writer
	// Width of Out in columns; 0 if it is not a terminal: then nothing is shortened.
	Width int
	// ErrWidth is the same for Err; 0 also turns the live region off.
	ErrWidth int

	mu    sync.Mutex
	drawn int // lines of the live region on the screen
}

// Of makes the Screen of a process.
func Of(out, err *os.File) *Screen {
	return &Screen{Out: out, Err: err, Width: widthOf(out), ErrWidth: widthOf(err)}
}

// fallbackWidth is assumed for a terminal that does not report its size.
const fallbackWidth = 80

func widthOf(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil || w <= 0 {
		return fallbackWidth
	}
	return w
}

// IsLive reports whether Live shows anything.
func (s *Screen) IsLive() bool { return s.ErrWidth > 0 }

// Printf writes to Out, below what it wrote before and above the live region.
func (s *Screen) Printf(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	_, err := fmt.Fprintf(s.Out, format, args...)
	return err
}

// Notef writes a line that accompanies the result to Err. A write error is dropped: there is nowhere to report it.
func (s *Screen) Notef(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// Live replaces the live region by lines, cut to the width of the terminal. Without a terminal nothing is written.
// Live without lines removes the region.
func (s *Screen) Live(lines ...string) {
	if !s.IsLive() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(Fit(line, s.ErrWidth-1) + "\n")
	}
	// If the terminal is gone, so is the progress; writing the command's result reports the error.
	if _, err := io.WriteString(s.Err, b.String()); err == nil {
		s.drawn = len(lines)
	}
}

// erase moves to the first line of the live region and clears what follows.
func (s *Screen) erase() {
	if s.drawn == 0 {
		return
	}
	fmt.Fprintf(s.Err, "\x1b[%dA\x1b[J", s.drawn)
	s.drawn = 0
}
