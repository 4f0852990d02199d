package kubelet

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

// sync does what the API server wants of a pod: it starts it, or ends it.
func (k *Kubelet) sync(ctx context.Context, object *corev1.Pod) {
	if !k.runs(object) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pods[object.UID]
	if p == nil {
		node, err := k.nodes.Get(object.Spec.NodeName)
		if err != nil || k.off[object.Spec.NodeName] || k.ended {
			return // there is no machine; see syncNode
		}
		if finished(object) && object.DeletionTimestamp == nil {
			return
		}
		p = newPod(k, object, node)
		k.pods[object.UID] = p
		k.running.Go(func() { p.run(ctx) })
	}
	if object.DeletionTimestamp != nil {
		p.remove(object.DeletionGracePeriodSeconds)
	}
}

// finished says whether a pod will never run again.
func finished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// syncNode starts the pods of a node that became known only after them.
func (k *Kubelet) syncNode(ctx context.Context, node string) {
	objects, err := k.podCache.GetIndexer().ByIndex(byNode, node)
	if err != nil {
		k.report("list the pods of node %s: %v", node, err)
	}
	for _, object := range objects {
		k.sync(ctx, object.(*corev1.Pod))
	}
}

// forget ends a pod that the API server no longer has.
func (k *Kubelet) forget(object *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.pods[object.UID]; p != nil {
		p.vanish()
		delete(k.pods, object.UID)
	}
}

// KillNode switches a node's power off: all processes on it are killed at once, nothing is reported to the API server,
// and no pod starts there any more, until the Node object is deleted. It returns when the processes are gone.
func (k *Kubelet) KillNode(name string) {
	k.mu.Lock()
	k.off[name] = true
	lost := k.cutPower(name)
	k.mu.Unlock()
	for _, p := range lost {
		<-p.still
	}
}

// nodeGone ends what runs on a node whose instance was terminated.
func (k *Kubelet) nodeGone(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.off, name)
	k.cutPower(name)
}

// cutPower returns the pods that were on the node. The caller holds mu.
func (k *Kubelet) cutPower(node string) []*pod {
	var lost []*pod
	for _, p := range k.pods {
		if p.object.Spec.NodeName == node {
			p.cutPower()
			lost = append(lost, p)
		}
	}
	return lost
}
