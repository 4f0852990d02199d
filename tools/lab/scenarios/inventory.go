package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// inventory is every object of a cluster: "apps/v1 deployments dip/worker".
type inventory map[string]bool

// passing are resources that the control plane keeps for itself, and that come and go.
var passing = []string{"events", "leases", "endpoints", "endpointslices", "nodes", "componentstatuses",
	"controllerrevisions", "csinodes"}

// ownOf reports whether the control plane makes an object by itself, at any time: what belongs to each namespace, and
// the accounts of its controllers.
func ownOf(resource string, o metav1.ObjectMeta) bool {
	switch resource {
	case "configmaps":
		return o.Name == "kube-root-ca.crt"
	case "serviceaccounts":
		return o.Name == "default" || o.Namespace == metav1.NamespaceSystem && len(o.Labels) == 0
	}
	return false
}

// takeInventory lists all objects of all kinds.
func takeInventory(ctx context.Context, config *rest.Config) (inventory, error) {
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("list the cluster's objects: %w", err)
	}
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("list the cluster's objects: %w", err)
	}
	lists, err := discovery.ServerPreferredResources(found)
	if err != nil {
		return nil, fmt.Errorf("list the cluster's kinds: %w", err)
	}
	all := inventory{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, fmt.Errorf("list the cluster's kinds: %w", err)
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || !slices.Contains(r.Verbs, "delete") || slices.Contains(passing, r.Name) {
				continue
			}
			objects, err := client.Resource(version.WithResource(r.Name)).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list the cluster's %s: %w", r.Name, err)
			}
			for _, o := range objects.Items {
				if ownOf(r.Name, o.ObjectMeta) {
					continue
				}
				all[strings.TrimSpace(fmt.Sprintf("%s %s %s/%s", list.GroupVersion, r.Name, o.Namespace, o.Name))] = true
			}
		}
	}
	return all, nil
}

// beyond lists what is in a and not in b.
func (a inventory) beyond(b inventory) []string {
	var more []string
	for name := range a {
		if !b[name] {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	return more
}

// emptyLimit is how long the control plane may take to collect the dependents of deleted objects.
const emptyLimit = time.Minute

// checkEmpty fails when there is more in the cluster than at its start.
func (c *Cluster) checkEmpty(ctx context.Context) error {
	config, err := c.Plane.Config()
	if err != nil {
		return err
	}
	var left []string
	err = await(ctx, emptyLimit, "the cluster to be as empty as it was", func(ctx context.Context) (bool, error) {
		now, err := takeInventory(ctx, config)
		left = now.beyond(c.before)
		return len(left) == 0, err
	})
	if len(left) > 0 {
		return errors.New("the stack is destroyed, but these are left in its cluster:\n  " + strings.Join(left, "\n  "))
	}
	return err
}
