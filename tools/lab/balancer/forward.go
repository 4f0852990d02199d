package balancer

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// accept takes connections until the listener is closed.
func (b *Balancer) accept(ctx context.Context) {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				b.mu.Lock()
				b.err = errors.Join(b.err, err)
				b.mu.Unlock()
			}
			return
		}
		b.work.Go(func() {
			defer client.Close()
			defer context.AfterFunc(ctx, func() { client.Close() })()
			b.forward(client)
		})
	}
}

// handshaker is a connection that ends TLS.
type handshaker interface{ Handshake() error }

// forward connects a client with a target.
func (b *Balancer) forward(client net.Conn) {
	if h, ok := client.(handshaker); ok && h.Handshake() != nil {
		return // the client went, or does not trust us
	}
	t, id := b.next()
	address := ""
	if t != nil {
		address = b.choose(id)
	}
	var upstream net.Conn
	err := errors.New("its port leads nowhere")
	if address != "" {
		upstream, err = net.DialTimeout("tcp", address, dialLimit)
	}
	b.mu.Lock()
	if err != nil {
		b.closed++
		b.mu.Unlock()
		b.logf("a connection is closed: target %q, node %q, pod %q: %v", id, b.node(id), address, err)
		return
	}
	t.conns[upstream] = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(t.conns, upstream)
	}()
	join(client, upstream)
}

// next chooses a target for a connection; nil: there is none.
func (b *Balancer) next() (*target, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	registered := map[string]condition{}
	for id, t := range b.targets {
		if !t.left {
			registered[id] = t.condition
		}
	}
	ids := open(registered)
	if len(ids) == 0 {
		return nil, ""
	}
	id := ids[rand.IntN(len(ids))]
	return b.targets[id], id
}

// closeLimit is how long a connection may stay half closed.
const closeLimit = 10 * time.Second

// join copies both ways until both ends have closed, or one breaks.
func join(client, upstream net.Conn) {
	defer upstream.Close()
	var copies sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, err := io.Copy(to, from)
		half, ok := to.(interface{ CloseWrite() error })
		if err != nil || !ok || half.CloseWrite() != nil {
			client.Close()
			upstream.Close()
			return
		}
		_ = to.SetReadDeadline(time.Now().Add(closeLimit)) // it is closed then
	}
	copies.Go(func() { pass(upstream, client) })
	copies.Go(func() { pass(client, upstream) })
	copies.Wait()
}
