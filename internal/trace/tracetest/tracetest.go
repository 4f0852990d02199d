// Package tracetest is an X-Ray daemon for tests.
package tracetest

import (
	"context"
	"net"
	"testing"
	"time"

	"dip/internal/trace"
)

// Header is that of an invocation that is sampled.
const Header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// Invocation is the context of an invocation with a tracing header, as aws-lambda-go makes it.
func Invocation(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, "x-amzn-trace-id", header) //nolint:staticcheck // the key is aws-lambda-go's
}

// Start starts a daemon. next is the next packet that it has received; "": there is none.
func Start(t *testing.T) (r *trace.Recorder, next func() string) {
	t.Helper()
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Close() })
	return trace.New(daemon.LocalAddr().String()), func() string {
		// What was sent on loopback has arrived.
		if err := daemon.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		packet := make([]byte, 64<<10)
		n, _, err := daemon.ReadFrom(packet)
		if err != nil {
			return ""
		}
		return string(packet[:n])
	}
}
