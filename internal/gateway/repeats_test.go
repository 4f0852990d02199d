package gateway

import (
	"fmt"
	"net/http"
	"testing"
)

// A request that is repeated with its key, or whose records name themselves, gives the same ids, in any gateway.
func TestRepeatsHaveTheSameIDs(t *testing.T) {
	for name, c := range map[string]struct {
		target  string
		headers []string
	}{
		"key":    {readings, []string{"Idempotency-Key", "k1"}},
		"member": {readings + "?id=a", nil},
	} {
		f := &fake{}
		for range 2 {
			in(t, f, func(t *testing.T, g *Gateway) {
				for range 2 {
					if w, _, _ := do(t, g, request(c.target, "{\"a\":1}\n{\"a\":2}", c.headers...)); w.Code != http.StatusOK {
						t.Errorf("%s: %d %s", name, w.Code, w.Body)
					}
				}
			})
		}
		if len(f.ids) != 2 {
			t.Errorf("%s: ids %v", name, f.ids)
		}
		for id, n := range f.ids {
			if n != 4 {
				t.Errorf("%s: %s was put %d times", name, id, n)
			}
		}
	}
	f := &fake{}
	in(t, f, func(t *testing.T, g *Gateway) {
		for range 2 {
			do(t, g, request(readings, "{\"a\":1}"))
		}
	})
	if len(f.ids) != 2 {
		t.Errorf("requests without a key share ids: %v", f.ids)
	}
}

// A key that comes with another body is refused where it is known, and loses nothing where it is not.
func TestKeysOfOtherBodies(t *testing.T) {
	f := &fake{}
	in(t, f, func(t *testing.T, g *Gateway) {
		for i, want := range []int{200, 409, 200} {
			body := fmt.Sprintf(`{"a":%d}`, i%2)
			w, _, _ := do(t, g, request(readings, body, "Idempotency-Key", "k"))
			if w.Code != want {
				t.Errorf("request %d: %d %s, want %d", i, w.Code, w.Body, want)
			}
		}
	})
	in(t, f, func(t *testing.T, g *Gateway) {
		if w, _, _ := do(t, g, request(readings, `{"a":1}`, "Idempotency-Key", "k")); w.Code != http.StatusOK {
			t.Errorf("another gateway: %d %s", w.Code, w.Body)
		}
	})
	if len(f.ids) != 2 {
		t.Errorf("records of two bodies have the ids %v", f.ids)
	}
}
