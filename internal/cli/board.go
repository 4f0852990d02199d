package cli

import (
	"sync"
	"time"

	"dip/internal/client"
	"dip/internal/terminal"
)

// plainEvery is the minimum time between two lines about the same load without a terminal.
const plainEvery = 5 * time.Second

// maxShown bounds the loads on the screen at once, so that the live region never scrolls.
const maxShown = 8

// board shows the loads that are being followed.
type board struct {
	screen *terminal.Screen

	mu    sync.Mutex
	loads []client.Progress
	told  map[int]time.Time
}

// show updates the load at index i.
func (b *board) show(i int, p client.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.loads[i]
	b.loads[i] = p
	if b.screen.IsLive() {
		b.draw()
		return
	}
	if b.told == nil {
		b.told = map[int]time.Time{}
	}
	if p.Status.Final() {
		return // the result reports it
	}
	if now := time.Now(); p.Status != before.Status || now.Sub(b.told[i]) >= plainEvery {
		b.told[i] = now
		for _, line := range progressLines(p) {
			b.screen.Notef("%s", line)
		}
	}
}

func (b *board) draw() {
	var lines []string
	shown := 0
	for _, p := range b.loads {
		if p.Load == "" || p.Status.Final() {
			continue
		}
		if shown++; shown > maxShown {
			lines = append(lines, "...")
			break
		}
		lines = append(lines, progressLines(p)...)
	}
	b.screen.Live(lines...)
}
