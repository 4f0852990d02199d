package admission

import "sync"

// warnings collects the API server's warnings.
type warnings struct {
	mu   sync.Mutex
	text []string
}

// HandleWarningHeader records a warning; see rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

// take returns the warnings since the last call.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.text
	w.text = nil
	return text
}
