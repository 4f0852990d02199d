// Package cluster works on the objects of one Kubernetes cluster.
package cluster

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Settings say which cluster.
type Settings struct {
	Kubeconfig string // contents, JSON or YAML, or the path of a file
	Context    string // of the kubeconfig; empty: its current one
	Namespace  string // of objects that name none; empty: the context's, else "default"
}

// DefaultNamespace is that of objects that name none, where the kubeconfig names none either.
const DefaultNamespace = "default"

// Identity tells clusters apart: those with equal ones are taken for the same.
type Identity struct {
	Server string
	CA     string
}

func (s Settings) load() (*api.Config, error) {
	text := []byte(s.Kubeconfig)
	if !strings.ContainsAny(s.Kubeconfig, "\n{") {
		if strings.TrimSpace(s.Kubeconfig) == "" {
			return nil, errors.New("kubeconfig: it is empty; give its contents or its path")
		}
		var err error
		if text, err = os.ReadFile(s.Kubeconfig); err != nil {
			return nil, fmt.Errorf("kubeconfig: %w", err)
		}
	}
	cfg, err := clientcmd.Load(text)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if s.Context != "" && cfg.Contexts[s.Context] == nil {
		return nil, fmt.Errorf("context: the kubeconfig has no context %q", s.Context)
	}
	return cfg, nil
}

func (s Settings) client() (clientcmd.ClientConfig, error) {
	cfg, err := s.load()
	if err != nil {
		return nil, err
	}
	return clientcmd.NewNonInteractiveClientConfig(*cfg, s.Context, &clientcmd.ConfigOverrides{}, nil), nil
}

// ErrNoCluster reports a kubeconfig without any cluster: the eks component makes one before there is a cluster.
var ErrNoCluster = errors.New("kubeconfig: it has no cluster")

// Identity returns that of the cluster, without asking it.
func (s Settings) Identity() (Identity, error) {
	client, err := s.client()
	if err != nil {
		return Identity{}, err
	}
	cfg, err := client.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return Identity{}, ErrNoCluster
	}
	if err != nil {
		return Identity{}, fmt.Errorf("kubeconfig: %w", err)
	}
	ca := cfg.CAFile
	if len(cfg.CAData) > 0 {
		ca = string(cfg.CAData)
	}
	return Identity{Server: cfg.Host, CA: ca}, nil
}

// rest returns how to reach the cluster and the namespace of objects that name none.
func (s Settings) rest() (*rest.Config, string, error) {
	client, err := s.client()
	if err != nil {
		return nil, "", err
	}
	cfg, err := client.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("kubeconfig: %w", err)
	}
	namespace := s.Namespace
	if namespace == "" {
		if namespace, _, err = client.Namespace(); err != nil {
			return nil, "", fmt.Errorf("kubeconfig: %w", err)
		}
	}
	return cfg, namespace, nil
}
