package scenarios

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/config"
	"dip/contract"
	"dip/internal/sample"
	"dip/internal/terminal"
	"dip/tools/lab/kubelet"
)

const (
	batchGroup  = "batch"
	scaleLimit  = 6 * time.Minute
	batchLoads  = 4
	foreignName = "foreign"
)

// scaleToZero has batch jobs scale the group of Escalator from nothing and back to nothing, and shows that nobody
// else's pod gets onto its nodes.
func (l *Lab) scaleToZero(ctx context.Context) ([]string, error) {
	if err := l.awaitNodes(ctx, "no node for batch work", func(n int) bool { return n == 0 }); err != nil {
		return nil, err
	}
	began := time.Now()
	var most atomic.Int64
	counting, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_ = await(counting, time.Hour, "", func(ctx context.Context) (bool, error) {
			if n, err := l.batchNodes(ctx); err == nil {
				most.Store(max(most.Load(), int64(len(n))))
			}
			return false, nil
		})
	}()
	var ids []string
	for i := range batchLoads {
		id, err := l.land(ctx, fmt.Sprintf("events/batch-%d.ndjson.gz", i), "events", contract.Gzip,
			sample.Options{Bytes: restageBytes, Seed: uint64(10 + i)})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if err := l.awaitNodes(ctx, "the first node for batch work", func(n int) bool { return n > 0 }); err != nil {
		return nil, err
	}
	up := time.Since(began)
	refused, err := l.foreignPod(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, err := l.certified(ctx, id, restageLimit); err != nil {
			return nil, err
		}
	}
	done := time.Now()
	if err := l.awaitNodes(ctx, "all nodes for batch work to be given back",
		func(n int) bool { return n == 0 }); err != nil {
		return nil, err
	}
	jobs := 0
	for _, e := range l.Cluster.Containers.since(restageContainer, began) {
		switch e.Kind {
		case kubelet.Started:
			jobs++
		case kubelet.Killed, kubelet.Lost:
			return nil, fmt.Errorf("pod %s was %s on node %s while it worked", e.Pod, e.Kind, e.Node)
		}
	}
	return []string{
		fmt.Sprintf("%d jobs on %d nodes at most, none of them killed", jobs, most.Load()),
		fmt.Sprintf("from 0 nodes to the first one in %s", terminal.Duration(up)),
		fmt.Sprintf("back to 0 nodes %s after the last load was verified", terminal.Duration(time.Since(done))),
		"a pod that selects the group and does not tolerate its taint stays out:",
		"  " + refused,
	}, nil
}

// batchNodes lists the nodes of the group.
func (l *Lab) batchNodes(ctx context.Context) ([]corev1.Node, error) {
	list, err := l.Cluster.Client.CoreV1().Nodes().List(ctx,
		metav1.ListOptions{LabelSelector: config.GroupLabel + "=" + batchGroup, ResourceVersion: "0"})
	if err != nil {
		return nil, fmt.Errorf("list the nodes for batch work: %w", err)
	}
	return list.Items, nil
}

func (l *Lab) awaitNodes(ctx context.Context, what string, enough func(int) bool) error {
	return await(ctx, scaleLimit, what, func(ctx context.Context) (bool, error) {
		list, err := l.batchNodes(ctx)
		return err == nil && enough(len(list)), err
	})
}

// foreignPod makes a pod that Escalator does not count, and returns why no node takes it.
func (l *Lab) foreignPod(ctx context.Context) (reason string, err error) {
	pods := l.Cluster.Client.CoreV1().Pods(metav1.NamespaceDefault)
	_, err = pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: foreignName},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{config.GroupLabel: batchGroup},
			Containers: []corev1.Container{{
				Name: foreignName, Image: "registry.k8s.io/pause:3.10",
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("make a foreign pod: %w", err)
	}
	defer func() {
		now := int64(0)
		if gone := pods.Delete(context.WithoutCancel(ctx), foreignName,
			metav1.DeleteOptions{GracePeriodSeconds: &now}); gone != nil && err == nil {
			err = fmt.Errorf("delete the foreign pod: %w", gone)
		}
	}()
	err = await(ctx, time.Minute, "the scheduler to refuse a foreign pod because of the taint",
		func(ctx context.Context) (bool, error) {
			pod, err := pods.Get(ctx, foreignName, metav1.GetOptions{})
			if err != nil {
				return false, fmt.Errorf("read the foreign pod: %w", err)
			}
			if pod.Spec.NodeName != "" {
				return false, fmt.Errorf("the foreign pod got onto node %s", pod.Spec.NodeName)
			}
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse &&
					strings.Contains(c.Message, "untolerated taint") {
					reason, _, _ = strings.Cut(c.Message, ". ") // what preemption would help is not asked
					return true, nil
				}
			}
			return false, nil
		})
	return reason, err
}
