package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"dip/internal/child"
)

const (
	gatewayHost  = "127.0.0.1"
	gatewayStart = 30 * time.Second       // until the gateway is ready
	gatewayStop  = 5 * time.Second        // from SIGTERM to SIGKILL
	gatewayPoll  = 100 * time.Millisecond // between looks at what is asked for
	gatewayPause = time.Second            // before one that ended is started again
)

// gatewayRun is a gateway that is asked for. Up writes it, and the process that runs the stack follows it.
type gatewayRun struct {
	Program string            `json:"program"`
	Env     map[string]string `json:"env"` // the address to listen on is chosen by who starts it
}

// id tells one that is asked for from another. It says nothing of the environment.
func (r gatewayRun) id() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // a struct of strings
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// gatewayRunning is the gateway that runs.
type gatewayRunning struct {
	Run string `json:"run"` // id of what was asked for
	PID int    `json:"pid"`
	URL string `json:"url"`
}

// keeper runs the gateway that a place asks for, as a process of its own.
type keeper struct {
	place place
	env   []string // on top of this process's environment
	log   *slog.Logger

	address string // of all of them, so that clients find the next one; "": not chosen yet
	running *exec.Cmd
	run     string        // id of the one that runs, or ran last
	ended   chan struct{} // closed when it has ended; nil: there is none
	after   time.Time     // none is started before
}

// keep runs it until ctx ends: it starts the gateway, replaces it when another one is asked for, and starts it again
// when it ends.
func (k *keeper) keep(ctx context.Context) {
	tick := time.NewTicker(gatewayPoll)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-k.ended:
			k.ended, k.after = nil, time.Now().Add(gatewayPause)
			k.log.Error("the gateway ended", "state", k.running.ProcessState.String())
		case <-tick.C:
			if err := k.follow(); err != nil {
				k.log.Error("the gateway does not run", "error", err)
				k.after = time.Now().Add(gatewayPause)
			}
		}
	}
	k.stop()
}

// follow starts the gateway that is asked for, unless it runs.
func (k *keeper) follow() error {
	var run gatewayRun
	if ok, err := readJSON(k.place.gateway(), &run); err != nil || !ok {
		return err
	}
	if k.ended != nil && run.id() == k.run || time.Now().Before(k.after) {
		return nil
	}
	k.stop()
	if k.address == "" {
		l, err := net.Listen("tcp", gatewayHost+":0")
		if err != nil {
			return fmt.Errorf("find a port for the gateway: %w", err)
		}
		k.address = l.Addr().String()
		if err := l.Close(); err != nil {
			return fmt.Errorf("find a port for the gateway: %w", err)
		}
	}
	return k.start(run)
}

func (k *keeper) start(run gatewayRun) error {
	log, err := os.OpenFile(k.place.log("gateway"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(run.Program)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(withoutAWS(os.Environ()), k.env...)
	for _, name := range slices.Sorted(maps.Keys(run.Env)) {
		cmd.Env = append(cmd.Env, name+"="+run.Env[name])
	}
	cmd.Env = append(cmd.Env, "DIP_LISTEN="+k.address)
	if err := child.Start(cmd); err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		close(ended)
	}()
	k.running, k.run, k.ended = cmd, run.id(), ended
	return writeJSON(k.place.gatewayRunning(),
		gatewayRunning{Run: k.run, PID: cmd.Process.Pid, URL: "http://" + k.address})
}

// stop ends the gateway, which answers the requests that it has.
func (k *keeper) stop() {
	if k.ended == nil {
		return
	}
	if err := child.Signal(k.running.Process.Pid, syscall.SIGTERM); err != nil {
		k.log.Error("stop the gateway", "error", err)
	}
	select {
	case <-k.ended:
	case <-time.After(gatewayStop):
		if err := child.Kill(k.running.Process.Pid); err != nil {
			k.log.Error("stop the gateway", "error", err)
		}
		<-k.ended
	}
	k.ended = nil
}
