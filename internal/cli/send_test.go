package cli

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dip/internal/gateway"
	"dip/internal/send"
)

// gate takes all records of a request but those with "bad" in them, and fails after a number of requests.
type gate struct {
	*httptest.Server
	requests, most int
	taken          []string
	keys           []string
}

func newGate(t *testing.T) *gate {
	g := &gate{most: 1 << 30}
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.Close)
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.requests++; g.requests > g.most || r.Header.Get("Authorization") != "Bearer secret" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	body, _ := io.ReadAll(z)
	var a gateway.Answer
	for line := range strings.Lines(string(body)) {
		if strings.Contains(line, "bad") {
			a.Results = append(a.Results, gateway.Result{Index: a.Records, Status: 400, Reason: "it is bad"})
		} else {
			g.taken = append(g.taken, strings.TrimSpace(line))
		}
		a.Records++
	}
	g.keys = append(g.keys, r.Header.Get("Idempotency-Key"))
	_ = json.NewEncoder(w).Encode(a)
}

func TestSend(t *testing.T) {
	t.Setenv(tokenVariable, "")
	g, dir := newGate(t), t.TempDir()
	file, secret := filepath.Join(dir, "r.ndjson"), filepath.Join(dir, "token")
	var lines []string
	for i := range 1200 {
		lines = append(lines, fmt.Sprintf(`{"v":%d}`, i))
	}
	lines[700] = `{"v":"bad"}`
	for name, content := range map[string]string{file: strings.Join(lines, "\n"), secret: " secret\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"send", file, "--segment", "readings", "--url", g.URL, "--token-file", secret, "--parallel", "1"}
	g.most = 1 // of three batches
	code, stdout, stderr := run(t, args...)
	if code != ExitError || !strings.Contains(stderr, "403") || !strings.Contains(stderr, "500 records are answered") ||
		strings.Contains(stdout+stderr, "secret") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	g.most = 1 << 30
	code, stdout, stderr = run(t, args...)
	if code != ExitRejected || !strings.Contains(stderr, "goes on after line 500") ||
		!strings.Contains(stdout, "1,199 records sent, 1 refused") || len(g.taken) != 1199 {
		t.Errorf("exit %d, %d taken\n%s%s", code, len(g.taken), stdout, stderr)
	}
	rejects, err := os.ReadFile(file + rejectsSuffix)
	var r send.Refused
	if err := json.Unmarshal(rejects, &r); err != nil || r.Line != 701 || r.Reason != "it is bad" ||
		r.Record != lines[700] {
		t.Errorf("%s, %v", rejects, err)
	}
	requests := g.requests // what has been sent is not sent again
	code, stdout, _ = run(t, append(args, "--json")...)
	if want := fmt.Sprintf(`{"segment":"readings","records":1200,"accepted":1199,"refused":1,"rejects":%q}`+"\n",
		file+rejectsSuffix); code != ExitRejected || stdout != want || g.requests != requests || err != nil {
		t.Errorf("exit %d, %d requests\n%s", code, g.requests-requests, stdout)
	}
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, args...); code != ExitError || !strings.Contains(stderr, "has changed") {
		t.Errorf("another content: exit %d\n%s", code, stderr)
	}
}

func TestSendRefusesWhatWouldNotWork(t *testing.T) {
	dir := t.TempDir()
	packed := filepath.Join(dir, "a.gz")
	if err := os.WriteFile(packed, []byte("\x1f\x8b\x08\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(tokenVariable, "secret")
	for line, want := range map[string]string{
		packed + " --url http://127.0.0.1:1":                      "compressed with gzip",
		packed + " --url http://example.com":                      "without TLS",
		packed + " --url https://127.0.0.1:1 --state " + dir:      "",
		"gone --url https://example.com":                          "not found",
		packed + " --url https://example.com --token-file gone":   "read the token",
		packed + " --url https://example.com --token-file " + dir: "read the token",
	} {
		code, _, stderr := run(t, append([]string{"send", "--segment", "s"}, strings.Fields(line)...)...)
		if code == ExitOK || !strings.Contains(stderr, want) || strings.Contains(stderr, "secret") {
			t.Errorf("%s: exit %d\n%s", line, code, stderr)
		}
	}
	if _, err := readToken("", "a\nb"); err == nil || strings.Contains(err.Error(), "a\nb") {
		t.Errorf("a token of two lines: %v", err)
	}
}

// What a redirect points to never sees the token.
func TestSendFollowsNoRedirect(t *testing.T) {
	g := newGate(t)
	from := httptest.NewServer(http.RedirectHandler(g.URL, http.StatusTemporaryRedirect))
	defer from.Close()
	file := filepath.Join(t.TempDir(), "r")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(tokenVariable, "secret")
	code, _, stderr := run(t, "send", file, "--segment", "s", "--url", from.URL)
	if code != ExitError || !strings.Contains(stderr, "307") || g.requests > 0 {
		t.Errorf("exit %d, %d requests\n%s", code, g.requests, stderr)
	}
}

func TestTokens(t *testing.T) {
	out := filepath.Join(t.TempDir(), "token")
	code, stdout, stderr := run(t, "token", "--out", out, "--valid", "24h")
	if code != ExitOK {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	info, err := os.Stat(out)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	token, err := readToken(out, "")
	if err != nil || strings.Contains(stdout+stderr, token) || len(token) < 26 {
		t.Errorf("%q, %v\n%s%s", token, err, stdout, stderr)
	}
	ring, err := gateway.ParseTokens([]byte(`{"producers":{"p":{"segments":["s"],"tokens":[` + stdout + `]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if p, problem := ring.Find(token, time.Now()); problem != nil || p.Name != "p" {
		t.Errorf("%+v, %+v", p, problem)
	}
	if _, problem := ring.Find(token, time.Now().Add(25*time.Hour)); problem == nil {
		t.Error("it does not expire")
	}
	if code, _, _ := run(t, "token", "--out", out); code != ExitError {
		t.Error("a token was overwritten")
	}
	code, again, _ := run(t, "token", "--of", out)
	if hash, _, _ := strings.Cut(stdout, `","`); code != ExitOK || !strings.HasPrefix(again, hash) {
		t.Errorf("exit %d: %s, want %s", code, again, hash)
	}
}

func TestSendLine(t *testing.T) {
	var c send.Counts
	c.Bytes.Store(40_000_000)
	c.Records.Store(40_000)
	c.Retries.Store(3)
	c.Refused.Store(1)
	text := sendLine("readings.ndjson", &c, 100_000_000, 4*time.Second)
	for _, want := range []string{"40.0 MB", "10,000 records/s", "1 refused", "3 retries"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
}
