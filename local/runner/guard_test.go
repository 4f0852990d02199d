package runner

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whoever reaches the runner's port could run code: only the emulator, which has the token, may.
func TestGuard(t *testing.T) {
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "reached") })
	for name, c := range map[string]struct {
		host, authorization, header, value string
		invoke, runtime                    int
	}{
		"emulator":     {"127.0.0.1:1", "Bearer secret", "", "", 200, 200},
		"no token":     {"127.0.0.1:1", "", "", "", 403, 200},
		"other token":  {"127.0.0.1:1", "Bearer other", "", "", 403, 200},
		"no scheme":    {"127.0.0.1:1", "", "X-Token", "secret", 403, 200},
		"web page":     {"127.0.0.1:1", "Bearer secret", "Origin", "https://example.com", 403, 403},
		"browser":      {"127.0.0.1:1", "Bearer secret", "Sec-Fetch-Site", "cross-site", 403, 403},
		"foreign host": {"example.com:1", "Bearer secret", "", "", 403, 403},
		"host alone":   {"127.0.0.1", "Bearer secret", "", "", 403, 403},
	} {
		for guarded, want := range map[http.Handler]int{
			&named{withToken("secret", reached)}: c.invoke, &named{fromPrograms(reached)}: c.runtime,
		} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
			r.Host = c.host
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			w := httptest.NewRecorder()
			guarded.ServeHTTP(w, r)
			if w.Code != want || (w.Body.String() == "reached") != (want == 200) {
				t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, want)
			}
		}
	}
}

// named makes a handler a map's key.
type named struct{ http.Handler }

// The runner's own port is guarded.
func TestInvokeAPIIsGuarded(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	res, err := http.Post(w.InvokeURL()+"/2015-03-31/functions/f/invocations", "text/plain", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("without the token: %s", res.Status)
	}
}

// A function signs with a key of its role, not with the owner's.
func TestFunctionsSignWithTheirRole(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	name := w.createFunction(t, nil)
	env, _ := w.invoke(t, name, `{"do":"env"}`)
	key, err := w.keys.of(t.Context(), roleARN, "other")
	if err != nil {
		t.Fatal(err)
	}
	if env["AWS_ACCESS_KEY_ID"] != key.ID || env["AWS_SECRET_ACCESS_KEY"] != key.Secret ||
		env["AWS_SESSION_TOKEN"] != key.Token || key.ID == w.emulator.Key().ID {
		t.Errorf("the function has the key %v, its role %s", env["AWS_ACCESS_KEY_ID"], key.ID)
	}
}
