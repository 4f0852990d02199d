package balancer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// follow keeps the targets as they are registered.
func (b *Balancer) follow(ctx context.Context) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for well := time.Now(); ; {
		ids, err := registered(ctx, b.options.AWS, b.settings.targetGroup)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			well = time.Now()
			b.register(ctx, ids)
		case time.Since(well) > patience:
			b.mu.Lock()
			b.err = fmt.Errorf("list the targets: for %s: %w", patience, err)
			b.mu.Unlock()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// register compares the targets with those that are registered.
func (b *Balancer) register(ctx context.Context, ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, t := range b.targets {
		if !t.left && !slices.Contains(ids, id) {
			b.leave(ctx, id, t)
		}
	}
	for _, id := range ids {
		if t := b.targets[id]; t != nil && !t.left {
			continue
		}
		checking, stop := context.WithCancel(ctx)
		b.targets[id] = &target{stop: stop, conns: map[net.Conn]bool{}}
		b.work.Go(func() { b.check(checking, id) })
		b.logf("target %s registered", id)
	}
}

// leave deregisters a target: it gets no more connections, and loses those that it has when the delay is over. The
// caller holds mu.
func (b *Balancer) leave(ctx context.Context, id string, t *target) {
	t.left = true
	t.stop()
	b.logf("target %s deregistered, with %d connections", id, len(t.conns))
	if !b.settings.cutAfter {
		return
	}
	b.work.Go(func() {
		timer := time.NewTimer(b.settings.drain)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			b.mu.Lock()
			defer b.mu.Unlock()
			cut(t)
		}
	})
}

// cut closes the connections of a target.
func cut(t *target) {
	for c := range t.conns {
		_ = c.Close() // it is given up
	}
}

// check asks a target for its health until the context ends.
func (b *Balancer) check(ctx context.Context, id string) {
	ticker := time.NewTicker(b.settings.health.interval)
	defer ticker.Stop()
	for {
		err := b.ask(ctx, id)
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		t := b.targets[id]
		before := t.condition.state
		t.condition = t.condition.heard(err == nil, b.settings.health)
		if now := t.condition.state; now != before {
			b.logf("target %s is healthy: %t (%v), with %d connections", id, now == healthy, err, len(t.conns))
			if now == unhealthy && b.settings.cutUnhealthy {
				cut(t)
			}
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ask asks a target for its health once.
func (b *Balancer) ask(ctx context.Context, id string) error {
	h := b.settings.health
	address := b.choose(id)
	if address == "" {
		return fmt.Errorf("its port leads nowhere")
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+h.path, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	if strconv.Itoa(answer.StatusCode) != h.code {
		err = fmt.Errorf("answered %s", answer.Status)
	}
	_ = answer.Body.Close() // nothing follows
	return err
}
