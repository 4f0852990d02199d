package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// retryPause is between attempts to reach the API server.
const retryPause = 500 * time.Millisecond

// write reports the pod's status to the API server whenever it has changed, the last time when the pod has ended.
func (p *pod) write(ctx context.Context) {
	var written corev1.PodStatus
	for last := false; !last; {
		select {
		case <-p.changed:
		case <-p.still:
			last = true
		}
		p.persist(ctx, "write its status", func() error { return p.writeOnce(ctx, &written) })
	}
}

// persist retries a request until it succeeds or becomes pointless.
func (p *pod) persist(ctx context.Context, what string, request func() error) {
	for ctx.Err() == nil {
		err := request()
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || ctx.Err() != nil {
			return // another pod has its name, or none
		}
		p.kubelet.report("pod %s/%s: %s: %v", p.object.Namespace, p.object.Name, what, err)
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
}

func (p *pod) writeOnce(ctx context.Context, written *corev1.PodStatus) error {
	p.mu.Lock()
	status := p.state.status(metav1.Now())
	p.mu.Unlock()
	if equality.Semantic.DeepEqual(status, *written) {
		return nil
	}
	whole := status
	whole.HostIP, whole.HostIPs = p.object.Status.HostIP, p.object.Status.HostIPs
	whole.PodIP, whole.PodIPs = p.object.Status.PodIP, p.object.Status.PodIPs
	patch, err := statusPatch(p.object.UID, whole)
	if err != nil {
		return err
	}
	_, err = p.kubelet.options.Client.CoreV1().Pods(p.object.Namespace).Patch(ctx, p.object.Name,
		types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err == nil {
		*written = status
	}
	return err
}

// statusPatch leaves conditions alone that others have set. With the identity in it, it changes no other pod of the
// name.
func statusPatch(uid types.UID, status corev1.PodStatus) ([]byte, error) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": uid}, "status": status})
	if err != nil {
		return nil, fmt.Errorf("encode the status: %w", err)
	}
	return patch, nil
}

// delete confirms to the API server that nothing of the pod runs any more, so that it is removed.
func (p *pod) delete(ctx context.Context) {
	p.persist(ctx, "delete it", func() error {
		return p.kubelet.options.Client.CoreV1().Pods(p.object.Namespace).Delete(ctx, p.object.Name, metav1.DeleteOptions{
			GracePeriodSeconds: new(int64(0)), Preconditions: &metav1.Preconditions{UID: &p.object.UID},
		})
	})
}
