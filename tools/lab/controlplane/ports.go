package controlplane

import (
	"errors"
	"fmt"
	"net"
)

// ports on loopback.
type ports struct{ store, peer, api, controllers, scheduler, kwok int }

// choosePorts finds ports that are free. The programs bind them a moment later: one that somebody else takes meanwhile
// fails the start, and its log says so.
func choosePorts() (p ports, err error) {
	var held []net.Listener // until all are chosen: none is chosen twice
	for _, port := range []*int{&p.store, &p.peer, &p.api, &p.controllers, &p.scheduler, &p.kwok} {
		l, listenErr := net.Listen("tcp", "127.0.0.1:0")
		if listenErr != nil {
			err = fmt.Errorf("find a free port: %w", listenErr)
			break
		}
		held = append(held, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	for _, l := range held {
		err = errors.Join(err, l.Close())
	}
	return p, err
}
