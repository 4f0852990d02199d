package metadata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// pollInterval is the interval between checks of a mock's answer.
	pollInterval = 50 * time.Millisecond
	// patience is how long a mock may take to give it.
	patience = 30 * time.Second
)

// await polls a mock until it answers as wanted. It gives up when the mock has ended.
func (m *mock) await(ctx context.Context, path, want string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		said, err := m.get(ctx, path)
		if err == nil && said == want {
			return nil
		}
		select {
		case <-m.process.Done():
			return m.process.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait until %s%s is %q: %w (last answer: %q)", m.url(), path, want, errors.Join(ctx.Err(), err),
				said)
		case <-tick.C:
		}
	}
}

// get reads metadata.
func (m *mock) get(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url()+path, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return strings.TrimSpace(string(text)), nil
}
