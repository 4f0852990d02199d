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

// ControlPlane is a Kubernetes API server that stands behind the emulator's EKS clusters.
type ControlPlane struct {
	Endpoint string // URL
	CA       []byte // PEM: the authority that its certificate is checked against
}

// Announce makes the emulator at an endpoint say from now on that all its clusters, those that there are included, are
// here.
func (c ControlPlane) Announce(ctx context.Context, endpoint string) error {
	if err := c.announce(ctx, endpoint); err != nil {
		return fmt.Errorf("tell the emulator of the control plane %s: %w", c.Endpoint, err)
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
		return errors.Join(fmt.Errorf("it answers %s: %s", res.Status, text), err)
	}
	return nil
}
