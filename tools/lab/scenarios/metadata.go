package scenarios

import (
	"context"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"dip/config"
	"dip/local"
	"dip/tools/lab/metadata"
	"dip/tools/lab/nodes"
)

// startMetadata serves metadata to each node that reads it, as long as the node exists. It returns the observer of
// nodes.
func (c *Cluster) startMetadata(
	running context.Context, binary, dir string, fail context.CancelCauseFunc) (func(nodes.Change), error,
) {
	mocks, err := metadata.New(binary, filepath.Join(dir, "metadata"))
	if err != nil {
		return nil, err
	}
	c.Metadata = mocks
	changes := make(chan nodes.Change, 1000) // more than there are nodes: the nodes' controller does not wait
	c.agent(running, fail, func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case change := <-changes:
				if err := c.follow(ctx, change); err != nil && ctx.Err() == nil {
					return err
				}
			}
		}
	})
	return func(change nodes.Change) { changes <- change }, nil
}

// follow starts or ends a node's metadata.
func (c *Cluster) follow(ctx context.Context, change nodes.Change) error {
	n := change.Register
	switch {
	case n == nil:
		return c.Metadata.Stop(change.Node)
	case n.Labels[config.InterruptionsLabel] != string(config.ByIMDS):
		return nil
	}
	return c.Metadata.Start(ctx, metadata.Instance{
		Node: n.Name, ID: change.Instance, Type: n.Labels[corev1.LabelInstanceTypeStable],
		Zone:   n.Labels[corev1.LabelTopologyZone],
		ZoneID: n.Labels[nodes.ZoneIDLabel], Region: local.Region, Account: local.Account,
		Address: n.Status.Addresses[0].Address,
	})
}
