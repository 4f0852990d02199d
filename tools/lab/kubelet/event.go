package kubelet

import (
	"syscall"
	"time"
)

// Kind is what happened to a container.
type Kind string

// What happens to containers.
const (
	Started    Kind = "started"
	Terminated Kind = "terminated" // it ended by itself, or when asked to
	Killed     Kind = "killed"     // its grace period was over
	Lost       Kind = "lost"       // its node is gone, or without power
)

// Event is what happened to a container.
type Event struct {
	Kind      Kind
	Time      time.Time
	Namespace string
	Pod       string
	UID       string
	Node      string
	Container string
	// Pid is the process's.
	Pid int
	// ExitCode is 128 + Signal when a signal ended it.
	ExitCode int
	// Signal ended the process. 0: none did.
	Signal syscall.Signal
	// Took is how long it ran.
	Took time.Duration
	// Stopping is how much of Took it ran after it was asked to end. 0: it was not asked.
	Stopping time.Duration
}

func (p *pod) observe(e Event) {
	if p.kubelet.options.Observe == nil {
		return
	}
	e.Namespace, e.Pod, e.UID, e.Node = p.object.Namespace, p.object.Name, string(p.object.UID), p.object.Spec.NodeName
	p.kubelet.options.Observe(e)
}
