package kubelet

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/tools/lab/kubelet/sandbox"
)

// forgottenGrace is the grace period of processes whose pod disappears from the API server at once.
const forgottenGrace = time.Second

// pod is one that the kubelet runs.
type pod struct {
	kubelet *Kubelet
	object  *corev1.Pod // with the addresses that it was given; its spec does not change
	node    *corev1.Node
	dir     string

	grace   *grace        // for its processes
	removal *latch        // it is to be deleted
	gone    *latch        // the API server no longer has it
	power   *latch        // its node has lost power
	still   chan struct{} // closed when none of its processes runs

	mounts map[string][]sandbox.Mount // by container, once its volumes are there

	mu      sync.Mutex
	state   state
	changed chan struct{} // holds one token if the state has changed since it was written
}

func newPod(k *Kubelet, object *corev1.Pod, node *corev1.Node) *pod {
	p := &pod{
		kubelet: k, object: object.DeepCopy(), node: node, dir: filepath.Join(k.options.Dir, "pods", string(object.UID)),
		grace: newGrace(), removal: newLatch(), gone: newLatch(), power: newLatch(), still: make(chan struct{}),
		changed: make(chan struct{}, 1),
	}
	status := &p.object.Status
	status.HostIP = hostAddress(node)
	status.PodIP = status.HostIP
	if !object.Spec.HostNetwork {
		status.PodIP = k.addresses.next()
	}
	status.HostIPs, status.PodIPs = []corev1.HostIP{{IP: status.HostIP}}, []corev1.PodIP{{IP: status.PodIP}}
	p.state = newState(p.object, metav1.Now())
	return p
}

// remove ends the pod and deletes it: the API server wants it gone within a grace period.
func (p *pod) remove(seconds *int64) {
	p.grace.within(period(seconds, p.object))
	p.removal.close()
}

// period is a grace period, the pod's own if none is given.
func period(seconds *int64, object *corev1.Pod) time.Duration {
	if seconds == nil {
		seconds = object.Spec.TerminationGracePeriodSeconds
	}
	if seconds == nil {
		return corev1.DefaultTerminationGracePeriodSeconds * time.Second
	}
	return time.Duration(*seconds) * time.Second
}

// vanish ends a pod that the API server no longer has.
func (p *pod) vanish() {
	p.gone.close()
	p.grace.within(forgottenGrace)
}

// cutPower kills the pod's processes.
func (p *pod) cutPower() { p.power.close() }

// run runs the pod until the API server no longer has it, or its node loses power.
func (p *pod) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go p.cancelOn(ctx, cancel)
	defer p.clean()

	if !finished(p.object) { // else it was being deleted before this kubelet started
		var writer sync.WaitGroup
		writer.Go(func() { p.write(ctx) })
		p.work(ctx)
		p.update(func(s *state) { s.ended = true })
		close(p.still)
		writer.Wait()
	}
	select {
	case <-p.removal.c:
		p.delete(ctx)
	case <-ctx.Done():
	}
	<-ctx.Done()
}

// cancelOn cancels the pod's requests to the API server when they have become pointless.
func (p *pod) cancelOn(ctx context.Context, cancel func()) {
	defer cancel()
	select {
	case <-p.gone.c:
	case <-p.power.c:
	case <-ctx.Done():
	}
}

// work runs the pod's containers to their ends.
func (p *pod) work(ctx context.Context) {
	p.update(func(*state) {})
	if seconds := p.object.Spec.ActiveDeadlineSeconds; seconds != nil {
		defer time.AfterFunc(time.Duration(*seconds)*time.Second, p.exceed).Stop()
	}
	if !p.prepare(ctx) {
		return
	}
	for i := range p.object.Spec.InitContainers {
		if !p.contain(ctx, &p.object.Spec.InitContainers[i], true) {
			return
		}
	}
	var containers sync.WaitGroup
	for i := range p.object.Spec.Containers {
		containers.Go(func() { p.contain(ctx, &p.object.Spec.Containers[i], false) })
	}
	containers.Wait()
}

// exceed ends the pod because its active deadline has come.
func (p *pod) exceed() {
	p.update(func(s *state) {
		s.failure = &failure{"DeadlineExceeded", "Pod was active on the node longer than the specified deadline"}
	})
	p.grace.within(period(nil, p.object))
}

// prepare writes the pod's volumes, retrying while something that they need is missing. It reports whether it did.
func (p *pod) prepare(ctx context.Context) bool {
	pause := newBackoff(p.kubelet.options.Backoff)
	for {
		mounts, err := p.volumes(ctx)
		if err == nil {
			p.mounts = mounts
			return true
		}
		p.update(func(s *state) { s.wait("ContainerCreating", err.Error()) })
		if !p.sleep(pause.next()) {
			return false
		}
	}
}

// ending says whether the pod is ending.
func (p *pod) ending(ctx context.Context) bool {
	return ctx.Err() != nil || p.grace.set() || p.power.closed()
}

// sleep waits, and says whether the pod still runs then.
func (p *pod) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.grace.begun:
	case <-p.power.c:
	}
	return false
}

func (p *pod) clean() {
	if err := os.RemoveAll(p.dir); err != nil {
		p.kubelet.report("pod %s/%s: remove its files: %v", p.object.Namespace, p.object.Name, err)
	}
}

// update changes the pod's state, which is then written.
func (p *pod) update(change func(*state)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.state)
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// backoff yields growing pauses.
type backoff struct{ pause time.Duration }

// maxBackoff is a kubelet's five minutes, for a lab that runs less than an hour.
const maxBackoff = time.Minute

func newBackoff(first time.Duration) *backoff { return &backoff{first} }

func (b *backoff) next() time.Duration {
	d := b.pause
	b.pause = min(2*b.pause, maxBackoff)
	return d
}
