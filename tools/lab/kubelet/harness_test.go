package kubelet_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"dip/tools/lab/kubelet"
)

const (
	namespace   = "test"
	shellImage  = "registry/shell:1"
	folderImage = "registry/folder:1"
	// patience bounds a test's wait for what does not happen.
	patience = time.Minute
)

// cluster is an API server without a cluster, and a kubelet.
type cluster struct {
	*testing.T
	ctx     context.Context
	client  *fake.Clientset
	kubelet *kubelet.Kubelet
	events  chan kubelet.Event
	stop    func()
}

func start(t *testing.T, change ...func(*kubelet.Options)) *cluster {
	t.Helper()
	ctx, giveUp := context.WithTimeout(t.Context(), patience)
	t.Cleanup(giveUp)
	c := &cluster{T: t, ctx: ctx, client: fake.NewClientset(node("node-1"), node("node-2")),
		events: make(chan kubelet.Event, 1000)}
	c.client.PrependReactor("create", "serviceaccounts", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "token" {
			return false, nil, nil
		}
		return true, &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{Token: "token of " +
			a.(clienttesting.CreateActionImpl).Name}}, nil
	})
	watched := c.watched("pods", "nodes")
	options := kubelet.Options{
		Client: c.client, Dir: t.TempDir(), APIServer: "127.0.0.1:6443", Backoff: time.Millisecond, Log: t.Output(),
		Program: program,
		Observe: func(e kubelet.Event) { c.events <- e },
	}
	for _, f := range change {
		f(&options)
	}
	var err error
	if c.kubelet, err = kubelet.New(options); err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.kubelet.Run(run); err != nil {
			t.Error(err)
		}
	})
	c.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(c.stop)
	for resource, begun := range watched {
		select {
		case <-begun:
		case <-ctx.Done():
			t.Fatalf("%s are not watched", resource)
		}
	}
	return c
}

// watched waits until resources are watched: what happened between an informer's list and its watch is lost here.
func (c *cluster) watched(resources ...string) map[string]chan struct{} {
	all := map[string]chan struct{}{}
	for _, resource := range resources {
		begun := make(chan struct{})
		all[resource] = begun
		var once sync.Once
		c.client.PrependWatchReactor(resource, func(a clienttesting.Action) (bool, watch.Interface, error) {
			w, err := c.client.Tracker().Watch(a.GetResource(), a.GetNamespace())
			once.Do(func() { close(begun) })
			return true, w, err
		})
	}
	return all
}

// program runs the shell, and what a command names in the folder of the shell.
func program(image string, command []string) (string, bool) {
	switch {
	case image == shellImage:
		return "/bin/sh", true
	case image == folderImage && len(command) > 0:
		return filepath.Join("/bin", filepath.Base(command[0])), true
	default:
		return "", false
	}
}

func node(name string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.0.1"}}},
	}
}

// shell is a pod that runs a script once.
func shell(name, script string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, UID: types.UID("uid-" + name)},
		Spec: corev1.PodSpec{
			NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever, ServiceAccountName: "account",
			Containers: []corev1.Container{{Name: "main", Image: shellImage, Args: []string{"-c", script}}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

// shared mounts a folder at /data in all containers.
func shared(p *corev1.Pod) {
	p.Spec.Volumes = append(p.Spec.Volumes,
		corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			list[i].VolumeMounts = append(list[i].VolumeMounts, corev1.VolumeMount{Name: "data", MountPath: "/data"})
		}
	}
}

func (c *cluster) create(p *corev1.Pod) {
	c.Helper()
	if _, err := c.client.CoreV1().Pods(namespace).Create(c.ctx, p, metav1.CreateOptions{}); err != nil {
		c.Fatal(err)
	}
}

// deleteWithin marks a pod as the API server does when it is deleted with a grace period, in seconds.
func (c *cluster) deleteWithin(name string, seconds int64) {
	c.Helper()
	patch := fmt.Sprintf(`{"metadata":{"deletionTimestamp":%q,"deletionGracePeriodSeconds":%d}}`,
		time.Now().UTC().Format(time.RFC3339), seconds)
	if _, err := c.client.CoreV1().Pods(namespace).Patch(c.ctx, name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{}); err != nil {
		c.Fatal(err)
	}
}

// follow returns a function that waits until a condition of a pod holds; the pod is nil when it is gone.
func (c *cluster) follow(name string) func(what string, holds func(*corev1.Pod) bool) *corev1.Pod {
	c.Helper()
	w, err := c.client.CoreV1().Pods(namespace).Watch(c.ctx, metav1.ListOptions{})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(w.Stop)
	seen, err := c.client.CoreV1().Pods(namespace).Get(c.ctx, name, metav1.GetOptions{})
	if err != nil {
		seen = nil
	}
	return func(what string, holds func(*corev1.Pod) bool) *corev1.Pod {
		c.Helper()
		for !holds(seen) {
			select {
			case <-c.ctx.Done():
				c.Fatalf("pod %s never was %s, but %+v", name, what, seen)
			case e := <-w.ResultChan():
				if p, ok := e.Object.(*corev1.Pod); ok && p.Name == name {
					seen = p
					if e.Type == "DELETED" {
						seen = nil
					}
				}
			}
		}
		return seen
	}
}

// await waits until a condition of a pod holds.
func (c *cluster) await(name, what string, holds func(*corev1.Pod) bool) *corev1.Pod {
	c.Helper()
	return c.follow(name)(what, holds)
}

func phase(want corev1.PodPhase) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool { return p != nil && p.Status.Phase == want }
}

func gone(p *corev1.Pod) bool { return p == nil }

// next is what happens next, of a kind.
func (c *cluster) next(kind kubelet.Kind) kubelet.Event {
	c.Helper()
	for {
		select {
		case <-c.ctx.Done():
			c.Fatalf("no container was %s", kind)
		case e := <-c.events:
			if e.Kind == kind {
				return e
			}
		}
	}
}

func (c *cluster) log(pod string) string {
	c.Helper()
	text, err := os.ReadFile(c.kubelet.LogFile(namespace, pod, "main"))
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

// bell is a FIFO by which scripts report progress: a script that writes to it continues when heard has read it.
type bell struct {
	*cluster
	path string
}

func (c *cluster) bell() bell {
	c.Helper()
	b := bell{c, filepath.Join(c.TempDir(), "bell")}
	if err := syscall.Mkfifo(b.path, 0o600); err != nil {
		c.Fatal(err)
	}
	return b
}

func (b bell) heard() string {
	b.Helper()
	f, err := os.Open(b.path) // blocks until a writer opens it
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func exists(pid int) bool { return syscall.Kill(pid, 0) == nil }

// ring releases a script that reads from the bell.
func (b bell) ring() {
	b.Helper()
	f, err := os.OpenFile(b.path, os.O_WRONLY, 0) // blocks until a reader opens it
	if err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
