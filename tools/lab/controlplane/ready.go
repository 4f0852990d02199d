package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
)

const (
	startLimit = 3 * time.Minute // of one step, on a machine with two busy processors
	askEvery   = 100 * time.Millisecond
)

// await returns when a condition holds, and fails when it does not within startLimit or when a program has ended.
func (c *ControlPlane) await(ctx context.Context, what string, holds func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not within %s", startLimit))
	defer cancel()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		err := holds(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.Failed():
			return c.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %w", what, context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

func (c *ControlPlane) serves(ctx context.Context) error { return c.get(ctx, "/readyz") }

// hasAccounts reports whether the controller manager is running: without its namespace's service account no pod is
// admitted.
func (c *ControlPlane) hasAccounts(ctx context.Context) error {
	return c.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default")
}

func (c *ControlPlane) get(ctx context.Context, path string) (err error) {
	config, err := c.Config()
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("use %s: %w", c.AdminKubeconfig, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Endpoint+path, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, res.Status, text)
	}
	return err
}
