package gateway

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

// A token is in no log, whatever fails, and wherever a client puts it.
func TestTokensAreNotLogged(t *testing.T) {
	const token = "tok-a"
	log := &lines{}
	f := &fake{next: func(int) fate { return fate{err: &types.AccessDeniedException{}} }}
	in(t, f, func(t *testing.T, g *Gateway) {
		g.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		for _, w := range g.Segments {
			w.Log = g.Log
		}
		g.Producers.(*Tokens).Log = g.Log
		bucket := g.Landing.(*landing)
		bucket.fails = func(string) error { return http.ErrHandlerTimeout }
		for _, r := range []*http.Request{
			request(readings, "{}"),
			request(readings, "{}", "Authorization", "Basic "+token),
			request(readings, "{}", "Authorization", "Bearer other-"+token),
			request(readings, "{}", "Idempotency-Key", "k"),
			request(loads, `{"bytes":1,"sha256":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}`, "Content-Type", typeJSON,
				"Authorization", "Bearer tok-b"),
		} {
			if strings.Contains(r.URL.Path, "/loads/") {
				r.Method = http.MethodPut
			}
			if w, _, _ := do(t, g, r); strings.Contains(w.Body.String(), "tok-") {
				t.Errorf("the answer quotes a token: %s", w.Body)
			}
		}
	})
	if text := log.text.String(); strings.Contains(text, "tok-") || !strings.Contains(text, "put records failed") ||
		!strings.Contains(text, "load failed") {
		t.Errorf("the log is\n%s", text)
	}
}
