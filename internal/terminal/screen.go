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

// Screen is where a command writes to. Results go to Out, and whatever only accompanies them to Err. Its methods may
// be called by several goroutines at once.
type Screen struct {
	Out, Err io.Writer
	// Width of the terminal that Out is; 0 when it is none: then nothing is shortened.
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

// fallbackWidth is assumed of a terminal that does not tell its size.
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

// IsLive says whether Live shows anything.
func (s *Screen) IsLive() bool { return s.ErrWidth > 0 }

// Printf writes to Out, below what it wrote before and above the live region.
func (s *Screen) Printf(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	_, err := fmt.Fprintf(s.Out, format, args...)
	return err
}

// Notef writes a line that accompanies the result to Err. There is nobody to tell when that cannot be written.
func (s *Screen) Notef(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// Live replaces the live region by lines, cut to the width of the terminal. Without a terminal nothing is written.
// Live with no lines takes the region away.
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
	// A terminal that went away takes the progress with it; the command's result reports the write error.
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
