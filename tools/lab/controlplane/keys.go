package controlplane

import (
	"fmt"
	"os"
	"path/filepath"

	"dip/tools/lab/pki"
)

// Names of keys in the folder of keys.
const (
	keys            = "pki"
	serverAuthority = "server-ca" // signs what servers show
	clientAuthority = "client-ca" // signs what clients show
	proxyAuthority  = "proxy-ca"  // signs what the API server shows to the servers of aggregated APIs
	serverKey       = "apiserver"
	proxyKey        = "proxy"
	tokenKey        = "service-accounts"
)

// proxyUser is the API server's user towards the servers of aggregated APIs.
const proxyUser = "front-proxy-client"

const (
	stagesFile  = "stages.yaml"
	webhookFile = "webhook.kubeconfig"
)

func kubeconfigOf(client string) string { return client + ".kubeconfig" }

func (c *ControlPlane) cert(name string) string { return c.path(keys, name+".crt") }
func (c *ControlPlane) key(name string) string  { return c.path(keys, name+".key") }

func (c *ControlPlane) writeKeys() error {
	servers, err := pki.NewAuthority("lab servers")
	if err != nil {
		return err
	}
	clients, err := pki.NewAuthority("lab clients")
	if err != nil {
		return err
	}
	proxies, err := pki.NewAuthority("lab proxies")
	if err != nil {
		return err
	}
	server, err := servers.Server("kube-apiserver", "127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
		"kubernetes.default.svc", "172.20.0.1")
	if err != nil {
		return err
	}
	proxy, err := proxies.Client(proxyUser)
	if err != nil {
		return err
	}
	tokens, err := pki.TokenKeys()
	if err != nil {
		return err
	}
	for name, p := range map[string]pki.Pair{
		serverAuthority: {Cert: servers.Cert}, clientAuthority: {Cert: clients.Cert}, proxyAuthority: {Cert: proxies.Cert},
		serverKey: server, proxyKey: proxy, tokenKey: tokens,
	} {
		if err := c.writePair(name, p); err != nil {
			return err
		}
	}
	c.CA = servers.Cert
	return c.writeKubeconfigs(clients)
}

func (c *ControlPlane) writePair(name string, p pki.Pair) error {
	for path, text := range map[string][]byte{c.cert(name): p.Cert, c.key(name): p.Key} {
		if len(text) == 0 {
			continue // a verifier does not need an authority's key
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

// writeKubeconfigs gives each client a certificate of its own.
func (c *ControlPlane) writeKubeconfigs(clients *pki.Authority) error {
	for _, who := range []struct {
		file, user string
		groups     []string
	}{
		{kubeconfigOf("admin"), "lab-admin", []string{"system:masters"}},
		{kubeconfigOf(controllerManager), "system:kube-controller-manager", nil},
		{kubeconfigOf(scheduler), "system:kube-scheduler", nil},
	} {
		pair, err := clients.Client(who.user, who.groups...)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(c.path(who.file), c.Endpoint, c.CA, pair); err != nil {
			return err
		}
	}
	c.AdminKubeconfig = c.path(kubeconfigOf("admin"))
	if hook := c.options.Webhook; hook != nil {
		return writeKubeconfig(c.path(webhookFile), hook.URL, hook.CA, pki.Pair{})
	}
	return nil
}
