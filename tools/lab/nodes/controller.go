// Package nodes keeps the cluster's nodes: it registers one for each instance that runs, as the instance would itself,
// and removes it when its instance is gone, as the cloud's controller would.
package nodes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"dip/tools/lab/awsapi"
)

const (
	// every is the interval at which the instances are listed. Real ones take a minute to join.
	every = time.Second
	// patience is how long AWS or the cluster may fail to answer.
	patience = time.Minute
)

// Options of Run.
type Options struct {
	AWS        awsapi.Client
	Kubernetes kubernetes.Interface
	// Cluster is the cluster's name in EKS; "" as long as there is none.
	Cluster func(context.Context) (string, error)
	// OnChange receives each node that was registered or removed; nil: not called. It is called from one goroutine, and
	// blocks the controller.
	OnChange func(Change)
}

// Run keeps the nodes until ctx ends. It fails when AWS or the cluster do not answer for a minute.
func Run(ctx context.Context, o Options) error {
	f := &fleet{aws: o.AWS, types: map[string]Type{}, zones: map[string]string{}, joins: map[string]Join{}}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	well := time.Now()
	for {
		err := o.look(ctx, f)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			well = time.Now()
		case time.Since(well) > patience:
			return fmt.Errorf("keep the nodes: for %s: %w", patience, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// look compares once and makes all changes that can be made.
func (o Options) look(ctx context.Context, f *fleet) error {
	var instances []Instance
	cluster, err := o.Cluster(ctx)
	if err == nil && cluster != "" {
		f.cluster = cluster
		instances, err = f.running(ctx)
	}
	if err != nil {
		return err
	}
	// From the API server's cache: what is a moment old is compared again in a second.
	nodes, err := o.Kubernetes.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	var errs []error
	for _, c := range Plan(instances, nodes.Items) {
		done, err := o.apply(ctx, c)
		if err != nil {
			errs = append(errs, fmt.Errorf("node %s: %w", c.Node, err))
		} else if done && o.OnChange != nil {
			o.OnChange(c)
		}
	}
	return errors.Join(errs...)
}

// apply makes a change; false: it was made already, or it is too early.
func (o Options) apply(ctx context.Context, c Change) (bool, error) {
	client := o.Kubernetes.CoreV1().Nodes()
	if c.Register == nil {
		err := client.Delete(ctx, c.Node, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	}
	free, err := o.unused(ctx, c.Node)
	if err != nil || !free {
		return false, err
	}
	_, err = client.Create(ctx, c.Register, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	return err == nil, err
}

// unused reports whether no pod is bound to a node of this name. The emulator reuses an address, and so a name, as soon
// as its instance is gone: a node registered at once would own the old one's pods, and nothing would run them. The
// control plane collects them within a minute.
func (o Options) unused(ctx context.Context, name string) (bool, error) {
	pods, err := o.Kubernetes.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return false, fmt.Errorf("list its pods: %w", err)
	}
	return !slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return p.Spec.NodeName == name }), nil
}

// InstanceOf is the id of a node's instance; empty: the node is not this package's.
func InstanceOf(n *corev1.Node) string { return n.Annotations[instanceAnnotation] }
