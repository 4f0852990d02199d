package emulator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
)

// ControlPlane is the Kubernetes API server behind the emulator's EKS clusters.
type ControlPlane struct {
	Endpoint string // URL
	CA       []byte // PEM: the authority that signed its certificate
}

// Announce makes the emulator at an endpoint, whose key it needs, return this address for all its clusters, including
// existing ones.
func (c ControlPlane) Announce(ctx context.Context, endpoint string, key Key) error {
	body, err := json.Marshal(map[string]string{
		"endpoint": c.Endpoint, "certificateAuthority": base64.StdEncoding.EncodeToString(c.CA),
	})
	if err == nil {
		_, err = key.local(ctx, http.MethodPut, endpoint+"/_local/eks", body)
	}
	if err != nil {
		return fmt.Errorf("announce the control plane %s to the emulator: %w", c.Endpoint, err)
	}
	return nil
}
