package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Timeouts of a connection. The time to write an answer begins with the body: it covers reading it and the longest
// that records wait for their outcome. Idle connections outlive those of a Network Load Balancer (350 s by default),
// so that it never sends a request into one that was just closed.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = time.Minute
	writeTimeout  = 90 * time.Second
	idleTimeout   = 400 * time.Second
	maxHeader     = 16 << 10
)

// Serve serves the API until ctx ends. Then it drains, in parts of the grace period:
//
//   - a fifth: it works as before. What replaces it may have become ready this moment, and load balancers have yet to
//     notice: were it to leave at once, they would know no healthy target.
//   - a half: it is not ready, and answers new requests with 503, while load balancers notice. Their connections still
//     come here until then, so it listens.
//   - a fifth: it takes no connections, and waits for the requests in flight.
//
// The error says that some were cut off.
func Serve(ctx context.Context, l net.Listener, g *Gateway, grace time.Duration) error {
	server := &http.Server{
		Handler: g.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(g.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	g.Log.Info("draining")
	time.Sleep(grace / 5)
	g.Drain()
	time.Sleep(grace / 2)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace/5)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("requests are unanswered at the end of the grace period: %w", err)
	}
	g.Close()
	return nil
}
