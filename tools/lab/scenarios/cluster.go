package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/client-go/kubernetes"

	"dip/config"
	"dip/local"
	"dip/local/emulator"
	"dip/tools/lab/authn"
	"dip/tools/lab/awsapi"
	"dip/tools/lab/awsproxy"
	"dip/tools/lab/controlplane"
	"dip/tools/lab/images"
	"dip/tools/lab/kubelet"
	"dip/tools/lab/metadata"
	"dip/tools/lab/nodes"
)

// Cluster is the stack's cluster: a control plane, and what stands for its nodes.
type Cluster struct {
	Plane   *controlplane.ControlPlane
	Client  kubernetes.Interface
	AWS     awsapi.Client
	Kubelet *kubelet.Kubelet
	// Metadata is what nodes find that listen for their interruption.
	Metadata *metadata.Mocks
	// Containers is what happened to the containers that ran for real.
	Containers history

	podKeys podKeys
	authn   *authn.Server
	proxy   *awsproxy.Proxy
	before  inventory // what the cluster contains by itself
	agents  sync.WaitGroup
	end     context.CancelFunc
}

// startCluster starts a cluster for a stack whose emulator runs. image is the folder of the stack's own programs. ctx
// bounds the start; fail receives what exits unexpectedly later.
func startCluster(
	ctx context.Context, l *Lab, d local.Daemon, image string, fail context.CancelCauseFunc) (*Cluster, error,
) {
	c := &Cluster{AWS: awsapi.Client{Endpoint: d.Endpoint, Region: local.Region, Key: d.Key}}
	c.podKeys = podKeys{aws: c.AWS, cluster: c.name, byRole: map[string]emulator.Key{}}
	if err := c.start(ctx, l, d, image, fail); err != nil {
		return nil, errors.Join(fmt.Errorf("start the cluster: %w", err), c.stop())
	}
	return c, nil
}

func (c *Cluster) start(
	ctx context.Context, l *Lab, d local.Daemon, image string, fail context.CancelCauseFunc) (err error,
) {
	running, end := context.WithCancel(context.Background())
	c.end = end
	dir := filepath.Join(l.options.Dir, "cluster")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if c.authn, err = authn.Start(authn.Options{Cluster: c.name, AWS: c.AWS}); err != nil {
		return err
	}
	if c.proxy, err = awsproxy.Start(d.Endpoint, filepath.Join(dir, "aws-ca.pem")); err != nil {
		return err
	}
	table := images.New(local.Account, local.Region)
	c.Plane, err = controlplane.Start(ctx, controlplane.Options{
		Dir: filepath.Join(dir, "control-plane"), Binaries: l.binaries, Stages: controlplane.Stages(table.Query()),
		Webhook: &controlplane.Webhook{URL: c.authn.URL, CA: c.authn.CA},
	})
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-c.Plane.Failed():
			fail(c.Plane.Err())
		case <-running.Done():
		}
	}()
	access, err := c.Plane.Config()
	if err != nil {
		return err
	}
	if c.Client, err = kubernetes.NewForConfig(access); err != nil {
		return fmt.Errorf("use the cluster: %w", err)
	}
	if c.before, err = takeInventory(ctx, access); err != nil {
		return err
	}
	hear, err := c.startMetadata(running, l.binaries["ec2-metadata-mock"], dir, fail)
	if err != nil {
		return err
	}
	c.agent(running, fail, func(ctx context.Context) error {
		return nodes.Run(ctx, nodes.Options{AWS: c.AWS, Kubernetes: c.Client, Cluster: c.name, OnChange: hear})
	})
	return c.startKubelet(running, podPrograms{images: table, binaries: l.binaries, own: image}, d, dir, fail)
}

// name is the cluster's name in EKS, which the stack chooses; "" as long as there is none.
func (c *Cluster) name(ctx context.Context) (string, error) {
	var answer struct{ Clusters []string }
	if err := c.AWS.Get(ctx, "eks", "/clusters", &answer); err != nil {
		return "", err
	}
	for _, name := range answer.Clusters {
		if config.IsClusterOf("", stackName, name) {
			return name, nil
		}
	}
	return "", nil
}

// agent runs something as long as the cluster runs.
func (c *Cluster) agent(ctx context.Context, fail context.CancelCauseFunc, run func(context.Context) error) {
	c.agents.Go(func() {
		if err := run(ctx); err != nil {
			fail(err)
		}
	})
}

// stop ends everything, the newest first. It may be called once.
func (c *Cluster) stop() error {
	if c.end != nil {
		c.end()
	}
	c.agents.Wait()
	var errs []error
	if c.Metadata != nil {
		errs = append(errs, c.Metadata.Close())
	}
	if c.Plane != nil {
		errs = append(errs, c.Plane.Stop())
	}
	if c.proxy != nil {
		errs = append(errs, c.proxy.Stop())
	}
	if c.authn != nil {
		errs = append(errs, c.authn.Stop())
	}
	return errors.Join(errs...)
}
