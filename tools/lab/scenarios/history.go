package scenarios

import (
	"sync"
	"time"

	"dip/tools/lab/kubelet"
)

// history is what happened to containers, in order. The zero value is empty.
type history struct {
	mu     sync.Mutex
	events []kubelet.Event
}

func (h *history) add(e kubelet.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// since lists what happened to an application's containers from a time on.
func (h *history) since(container string, from time.Time) (list []kubelet.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Container == container && !e.Time.Before(from) {
			list = append(list, e)
		}
	}
	return list
}

// running are an application's containers that have started and not ended, by pid.
func running(events []kubelet.Event) map[int]kubelet.Event {
	alive := map[int]kubelet.Event{}
	for _, e := range events {
		if e.Kind == kubelet.Started {
			alive[e.Pid] = e
		} else {
			delete(alive, e.Pid)
		}
	}
	return alive
}
