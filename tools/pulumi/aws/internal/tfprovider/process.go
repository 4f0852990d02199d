package tfprovider

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"dip/tools/pulumi/aws/tfplugin5"
)

const (
	// The handshake that Terraform and its providers agreed on.
	cookieName  = "TF_PLUGIN_MAGIC_COOKIE"
	cookieValue = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"

	startTimeout = time.Minute // the provider is 700 MB: a cold disk takes its time
	maxMessage   = 256 << 20   // bytes; the whole schema is about 30 MB
	keepLines    = 400         // of stderr, for crash reports
)

// instance is one running provider.
type instance struct {
	client tfplugin5.ProviderClient
	exited chan struct{} // closed when the provider has ended
	report func() string // after exited: what the provider said as it ended
	kill   func()        // ends the provider and waits for that
}

// start runs the provider binary and shakes hands over a Unix socket that only
// this user can reach.
func start(path string, logs io.Writer) (*instance, error) {
	dir, err := os.MkdirTemp("", "tfaws-")
	if err != nil {
		return nil, fmt.Errorf("start the AWS provider: %w", err)
	}
	// The socket's name is needed only until the connection stands.
	defer os.RemoveAll(dir)

	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), cookieName+"="+cookieValue, "PLUGIN_PROTOCOL_VERSIONS=5", "PLUGIN_UNIX_SOCKET_DIR="+dir)
	dieWithParent(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the AWS provider: %w", err)
	}
	tail := &tail{forward: logs}
	cmd.Stderr = tail
	if err := startOnLastingThread(cmd); err != nil {
		return nil, fmt.Errorf("start the AWS provider %s: %w", path, err)
	}
	in := &instance{exited: make(chan struct{})}
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(stdout)
		if s, err := r.ReadString('\n'); err == nil {
			line <- s
		}
		// Nothing of interest follows; reading keeps the provider from blocking.
		// A read error means that it ended, which Wait tells.
		_, _ = io.Copy(io.Discard, r)
		err := cmd.Wait()
		in.report = func() string { return tail.crash(err) }
		close(in.exited)
	}()
	in.kill = func() {
		if err := cmd.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
			<-in.exited
		}
	}

	select {
	case s := <-line:
		in.client, err = dial(s)
	case <-in.exited:
		return nil, fmt.Errorf("start the AWS provider %s: it ended at once: %s", path, in.report())
	case <-time.After(startTimeout):
		err = fmt.Errorf("no answer within %v", startTimeout)
	}
	if err != nil {
		in.kill()
		return nil, fmt.Errorf("start the AWS provider %s: %w", path, err)
	}
	return in, nil
}

// startOnLastingThread starts cmd from a thread that lives as long as this
// process: Linux ties the child's death signal to the thread that forked it.
func startOnLastingThread(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			select {}
		}
	}()
	return <-started
}

// dial reads the provider's greeting, CORE|PROTOCOL|NETWORK|ADDRESS|grpc, and
// connects. The connection is never made again: once it breaks the provider
// counts as gone.
func dial(greeting string) (tfplugin5.ProviderClient, error) {
	parts := strings.Split(strings.TrimSpace(greeting), "|")
	if len(parts) < 5 || parts[1] != "5" || parts[4] != "grpc" {
		return nil, fmt.Errorf("it greets with %q, not with plugin protocol 5 over gRPC", strings.TrimSpace(greeting))
	}
	conn, err := net.Dial(parts[2], parts[3])
	if err != nil {
		return nil, err
	}
	once := make(chan net.Conn, 1)
	once <- conn
	cc, err := grpc.NewClient("passthrough:///tfprovider",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-once:
				return c, nil
			default:
				return nil, errors.New("the connection to the AWS provider is lost")
			}
		}))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return tfplugin5.NewProviderClient(cc), nil
}

// tail keeps the last lines of a provider's stderr.
type tail struct {
	forward io.Writer // nil: keep only

	mu    sync.Mutex
	part  string
	lines []string
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(t.part+string(p), "\n")
	t.part = lines[len(lines)-1]
	t.lines = append(t.lines, lines[:len(lines)-1]...)
	if i := panicLine(t.lines); i >= 0 {
		t.lines = t.lines[i:min(len(t.lines), i+keepLines)]
	} else if n := len(t.lines) - keepLines; n > 0 {
		t.lines = t.lines[n:]
	}
	if t.forward != nil {
		return t.forward.Write(p)
	}
	return len(p), nil
}

func panicLine(lines []string) int {
	for i, l := range lines {
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") {
			return i
		}
	}
	return -1
}

// arguments are the numbers after a function's name in a stack; "(...)" are
// those that the compiler left out.
var arguments = regexp.MustCompile(`\((\{*0x|\.\.\.|\)$)`)

// crash describes how a provider ended: the panic and the provider's own
// functions at the top of its stack, or the exit status and the last lines.
func (t *tail) crash(exit error) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	const lastLines, frames = 5, 4
	i := panicLine(t.lines)
	if i < 0 {
		how := "it ended without an error status"
		if exit != nil {
			how = exit.Error()
		}
		last := t.lines[max(0, len(t.lines)-lastLines):]
		return strings.Join(append([]string{how}, last...), "\n  ")
	}
	out := []string{t.lines[i]}
	for j := i + 1; j+1 < len(t.lines) && len(out) <= frames; j++ {
		fn, where := t.lines[j], strings.TrimSpace(t.lines[j+1])
		if name, ok := strings.CutPrefix(fn, "github.com/hashicorp/terraform-provider-aws/"); ok {
			if args := arguments.FindStringIndex(name); args != nil {
				name = name[:args[0]]
			}
			out = append(out, fmt.Sprintf("at %s (%s)", name, filepath.Base(strings.Fields(where + " ?")[0])))
		}
	}
	return strings.Join(out, "\n  ")
}
