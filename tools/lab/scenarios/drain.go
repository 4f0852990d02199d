package scenarios

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// drain cordons a node and evicts its pods, as EKS does with a managed group's node that is about to go, until none of
// an application is left there.
func (c *Cluster) drain(ctx context.Context, node, app string, limit time.Duration) error {
	_, err := c.Client.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType,
		[]byte(`{"spec":{"unschedulable":true}}`), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("cordon node %s: %w", node, err)
	}
	return await(ctx, limit, "the pods of "+app+" to leave node "+node, func(ctx context.Context) (bool, error) {
		pods, err := c.Client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
		if err != nil {
			return false, fmt.Errorf("list the pods of node %s: %w", node, err)
		}
		left := 0
		for _, p := range pods.Items {
			if p.Labels[appLabel] == app {
				left++
			}
			if err := c.evict(ctx, p); err != nil {
				return false, err
			}
		}
		return left == 0, nil
	})
}

// evict asks for an eviction. A disruption budget may refuse it for now.
func (c *Cluster) evict(ctx context.Context, p corev1.Pod) error {
	owner := metav1.GetControllerOf(&p)
	if p.DeletionTimestamp != nil || owner != nil && owner.Kind == "DaemonSet" {
		return nil
	}
	err := c.Client.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace},
	})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsTooManyRequests(err) {
		return nil
	}
	return fmt.Errorf("evict pod %s: %w", p.Name, err)
}

// appLabel names what a pod belongs to.
const appLabel = "app.kubernetes.io/name"
