package emulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// ControlPlane is the Kubernetes API server behind the emulator's EKS clusters.
type ControlPlane struct {
	Endpoint string // URL
	CA       []byte // PEM: the authority that signed its certificate
}

// Announce makes the emulator at an endpoint return this address for all its clusters, including existing ones.
func (c ControlPlane) Announce(ctx context.Context, endpoint string) error {
	if err := c.announce(ctx, endpoint); err != nil {
		return fmt.Errorf("announce the control plane %s to the emulator: %w", c.Endpoint, err)
	}
	return nil
}

func (c ControlPlane) announce(ctx context.Context, endpoint string) error {
	body, err := json.Marshal(map[string]string{
		"endpoint": c.Endpoint, "certificateAuthority": base64.StdEncoding.EncodeToString(c.CA),
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, endpoint+"/_local/eks", bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(res.Body)
		return errors.Join(fmt.Errorf("it returned %s: %s", res.Status, text), err)
	}
	return nil
}
