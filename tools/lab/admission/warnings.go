package admission

import "sync"

// warnings keeps what the API server says beside its answers.
type warnings struct {
	mu   sync.Mutex
	text []string
}

// HandleWarningHeader takes a warning in; see rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

// take returns what was said since the last call.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.text
	w.text = nil
	return text
}
