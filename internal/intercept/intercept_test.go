package intercept

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestDo(t *testing.T) {
	killed, refused := errors.New("killed"), errors.New("refused")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name                string
		ctx                 context.Context
		before, after, does error
		want                error
		log                 []string
	}{
		{"all is well", t.Context(), nil, nil, nil, nil, []string{"before put", "put", "after put"}},
		{"killed before the effect", t.Context(), killed, nil, nil, killed, []string{"before put"}},
		{"killed after the effect", t.Context(), nil, killed, nil, killed, []string{"before put", "put", "after put"}},
		{"the operation fails by itself", t.Context(), nil, nil, refused, refused, []string{"before put", "put"}},
		{"the caller has given up", ended, nil, nil, nil, context.Canceled, []string{"before put"}},
	} {
		var log []string
		h := Hooks[string]{
			Before: func(op string) error { log = append(log, "before "+op); return c.before },
			After:  func(op string) error { log = append(log, "after "+op); return c.after },
		}
		err := h.Do(c.ctx, "put", func() error { log = append(log, "put"); return c.does })
		if !errors.Is(err, c.want) || c.want == nil && err != nil || !slices.Equal(log, c.log) {
			t.Errorf("%s: %v, %q", c.name, err, log)
		}
	}
	if err := (&Hooks[string]{}).Do(t.Context(), "put", func() error { return nil }); err != nil {
		t.Errorf("without hooks: %v", err)
	}
}
