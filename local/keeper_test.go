package local

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// stand is set in the environment of a gateway that is this test's program.
const stand = "DIP_TEST_GATEWAY"

func TestMain(m *testing.M) {
	if os.Getenv(stand) == "" {
		os.Exit(m.Run())
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	go func() {
		<-stopped
		os.Exit(0)
	}()
	err := http.ListenAndServe(os.Getenv("DIP_LISTEN"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, os.Getenv(stand))
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// said is the body of a gateway's answer, "" without one.
func said(t *testing.T, url string) string {
	res, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The gateway that is asked for runs; another one takes its place and address; one that is killed comes back.
func TestKeeperRunsTheGateway(t *testing.T) {
	t.Parallel()
	p := place(t.TempDir())
	if err := p.make(); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	k := &keeper{place: p, env: []string{stand + "=nothing"}, log: slog.New(slog.DiscardHandler)}
	done := make(chan struct{})
	go func() { defer close(done); k.keep(ctx) }()

	ask := func(say string) string {
		t.Helper()
		run := gatewayRun{Program: program, Env: map[string]string{stand: say}}
		if err := writeJSON(p.gateway(), run); err != nil {
			t.Fatal(err)
		}
		url, err := p.awaitGateway(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		if got := said(t, url); got != say {
			t.Errorf("asked for %s, got %q", say, got)
		}
		return url
	}
	running := func() (now gatewayRunning) {
		t.Helper()
		if _, err := readJSON(p.gatewayRunning(), &now); err != nil {
			t.Fatal(err)
		}
		return now
	}
	first := ask("one")
	before := running()
	if ask("one"); running() != before {
		t.Error("one that runs was started again")
	}
	if second := ask("two"); second != first || running().PID == before.PID {
		t.Errorf("the second one is at %s, the first was at %s", second, first)
	}
	if err := syscall.Kill(before.PID, 0); err == nil {
		t.Error("the first one still runs")
	}
	killed := running().PID
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(daemonPoll)
	defer look.Stop()
	for running().PID == killed || said(t, first) != "two" {
		<-look.C
	}
	cancel()
	<-done
	if said(t, first) != "" {
		t.Error("the gateway outlives the process that runs the stack")
	}
}
