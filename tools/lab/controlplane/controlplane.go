// Package controlplane runs a Kubernetes control plane on loopback: etcd, API server, controller manager and scheduler
// as they are, and kwok in place of kubelets. It keeps nothing beyond its folder and ends with its process.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"dip/tools/lab/loopback"
	"dip/tools/lab/process"
)

// Options of Start.
type Options struct {
	// Dir is the folder of keys, logs and data. It is made, and what it holds of an earlier run is dropped.
	Dir string
	// Binaries are the programs by name, as tools/install provides them.
	Binaries map[string]string
	// AdmissionOnly starts nothing but the API server and its store: objects are checked and kept, and nothing acts on
	// them.
	AdmissionOnly bool
	// Webhook identifies the bearers of tokens that the API server does not know; nil: none.
	Webhook *Webhook
	// Stages is what kwok makes of nodes and pods; unused with AdmissionOnly.
	Stages []byte
}

// Webhook is a server of TokenReviews.
type Webhook struct {
	URL string // https
	CA  []byte // PEM
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	// Endpoint is the API server's URL.
	Endpoint string
	// CA is the certificate, PEM, that the API server's is signed with.
	CA []byte
	// AdminKubeconfig is a file for a client that may do anything.
	AdminKubeconfig string

	options Options
	ports   struct{ store, peer, api, controllers, scheduler, kwok int }
	group   *process.Group
}

// Start starts a control plane and returns when it serves. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	for _, name := range programs(o) {
		if o.Binaries[name] == "" {
			return nil, fmt.Errorf("start a control plane: Binaries[%s]: missing", name)
		}
	}
	c := &ControlPlane{options: o, group: process.NewGroup()}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start a control plane: %w", err), c.Stop())
	}
	return c, nil
}

// programs are those that a control plane with these options consists of.
func programs(o Options) []string {
	if o.AdmissionOnly {
		return []string{etcd, apiServer}
	}
	return []string{etcd, apiServer, controllerManager, scheduler, kwok}
}

func (c *ControlPlane) start(ctx context.Context) error {
	if err := os.RemoveAll(c.options.Dir); err != nil {
		return fmt.Errorf("drop an earlier run: %w", err)
	}
	for _, dir := range []string{c.path(keys), c.path("logs")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	p := &c.ports
	if err := loopback.FreePorts(&p.store, &p.peer, &p.api, &p.controllers, &p.scheduler, &p.kwok); err != nil {
		return err
	}
	c.Endpoint = fmt.Sprintf("https://127.0.0.1:%d", c.ports.api)
	if err := c.writeKeys(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{c.startStore, c.startAPI, c.startControllers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *ControlPlane) startStore(context.Context) error { return c.run(etcd, c.etcdArgs()) }

// startAPI need not wait for the store: the API server retries until it answers.
func (c *ControlPlane) startAPI(ctx context.Context) error {
	if err := c.run(apiServer, c.apiServerArgs()); err != nil {
		return err
	}
	return c.await(ctx, "the API server answers", c.serves)
}

func (c *ControlPlane) startControllers(ctx context.Context) error {
	if c.options.AdmissionOnly {
		return nil
	}
	if err := os.WriteFile(c.path(stagesFile), c.options.Stages, 0o600); err != nil {
		return fmt.Errorf("write the stages: %w", err)
	}
	for name, args := range map[string][]string{
		controllerManager: c.controllerManagerArgs(), scheduler: c.schedulerArgs(), kwok: c.kwokArgs(),
	} {
		if err := c.run(name, args); err != nil {
			return err
		}
	}
	return c.await(ctx, "namespaces get their service accounts", c.hasAccounts)
}

func (c *ControlPlane) run(name string, args []string) error {
	return c.group.Start(process.Command{Name: name, Path: c.options.Binaries[name], Args: args, Dir: c.options.Dir,
		Log: c.path("logs", name+".log")})
}

func (c *ControlPlane) path(parts ...string) string {
	return filepath.Join(append([]string{c.options.Dir}, parts...)...)
}

// Config is access for a client that may do anything. Its rate is not limited: the API server does that.
func (c *ControlPlane) Config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.AdminKubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.AdminKubeconfig, err)
	}
	config.QPS = -1
	return config, nil
}

// Failed is closed when one of the programs exits unexpectedly: then Err says which and why.
func (c *ControlPlane) Failed() <-chan struct{} { return c.group.Failed() }

// Err says which program exited unexpectedly, with the end of its log; nil when none did.
func (c *ControlPlane) Err() error { return c.group.Err() }

// Stop ends all programs and returns when they are gone. It may be called again.
func (c *ControlPlane) Stop() error { return c.group.Stop() }
