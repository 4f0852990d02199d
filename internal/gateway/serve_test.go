package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// send posts a record on a connection of its own, and gives the status; 0 and an error without an answer.
func (p *pipes) send(t *testing.T) (int, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://gateway"+readings, strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer tok-a")
	r.Header.Set("Content-Type", typeNDJSON)
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// A gateway that is told to end works on until load balancers know those that replace it, refuses what comes until they
// know that it ends, answers what it has, and ends in time.
func TestServeDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grace := 60 * time.Second
		f := &fake{next: func(int) fate { return fate{stall: 4 * time.Second} }}
		ctx, stop := context.WithCancel(t.Context())
		l, ended, g := newPipes(), make(chan error, 1), newGateway(t, f)
		go func() { ended <- Serve(ctx, l, g, grace) }()
		began := time.Now()
		stop()
		at := func(after time.Duration) { time.Sleep(time.Until(began.Add(after))); synctest.Wait() }
		early := make(chan int, 1)
		at(grace/5 - time.Second)
		go func() {
			status, err := l.send(t)
			if err != nil {
				t.Errorf("a request before load balancers know its successor: %v", err)
			}
			early <- status
		}()
		for _, after := range []time.Duration{grace/5 + time.Second, grace*7/10 - time.Second} {
			at(after)
			if status, err := l.send(t); status != http.StatusServiceUnavailable || err != nil {
				t.Errorf("%s after the signal: %d, %v", after, status, err)
			}
		}
		if status := <-early; status != http.StatusOK {
			t.Errorf("a request before load balancers know its successor: %d", status)
		}
		if err := <-ended; err != nil || time.Since(began) > grace {
			t.Errorf("ended with %v after %s", err, time.Since(began))
		}
		if _, err := l.send(t); err == nil {
			t.Error("the listener is open at the end")
		}
		if len(f.ids) != 1 {
			t.Errorf("%d records are in the stream", len(f.ids))
		}
	})
}

// A request that does not end is cut off at the end of the grace period, and that is an error.
func TestServeEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{next: func(int) fate { return fate{stall: time.Hour} }}
		g := newGateway(t, f)
		ctx, stop := context.WithCancel(t.Context())
		l, ended, status := newPipes(), make(chan error, 1), make(chan int, 1)
		go func() { ended <- Serve(ctx, l, g, 6*time.Second) }()
		go func() { s, _ := l.send(t); status <- s }()
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		err := <-ended
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "unanswered") || took > 6*time.Second {
			t.Errorf("ended with %v after %s", err, took)
		}
		if s := <-status; s != http.StatusServiceUnavailable {
			t.Errorf("the request ended with %d", s)
		}
		g.Close()
	})
}

func TestServeReportsItsListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		g := newGateway(t, &fake{})
		defer g.Close()
		if err := Serve(t.Context(), closing{l}, g, time.Minute); err == nil {
			t.Error("a listener that is closed served")
		}
	})
}

// closing is a listener whose Close may be repeated.
type closing struct{ *pipes }

func (closing) Close() error { return nil }

// A load balancer never sends a request into a connection that the gateway has just closed.
func TestIdleConnectionsOutliveTheLoadBalancer(t *testing.T) {
	const loadBalancer = 350 * time.Second // a TLS listener's, fixed ("Listeners for your Network Load Balancers")
	if idleTimeout <= loadBalancer {
		t.Errorf("idle connections are closed after %s", idleTimeout)
	}
}
