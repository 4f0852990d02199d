// Package kubelet runs pods as processes of this machine. One kubelet serves all nodes of a cluster whose nodes are not
// machines: what is scheduled on a node, and has an image that maps to a program of this machine, is started with its
// environment, its files, its signals and its grace period, and its status is reported, as a node's own kubelet would.
// Other pods are left alone.
//
// Containers are processes in a mount namespace of their own. They share the machine's network, so that a pod's address
// is a loopback address, and its users: securityContext, and limits of processor and memory, are not enforced. Liveness
// and startup probes are not run: on a machine that holds a whole cluster they would judge the machine.
package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// byNode indexes pods by the name of their node.
const byNode = "node"

// Options configure a kubelet.
type Options struct {
	// Client reads pods, nodes, config maps and secrets, writes the status of pods, deletes them, and asks for tokens.
	Client kubernetes.Interface
	// Program finds the program that runs in place of an image, by the image and the container's command. A pod is run if
	// its first container has one.
	Program func(image string, command []string) (path string, ok bool)
	// Dir gets a log NAMESPACE_POD_CONTAINER.log for each container, and a folder for each pod while it runs.
	Dir string
	// APIServer is host:port, which pods find the API server at.
	APIServer string
	// Env adds variables, NAME=value, to what the pod says, or replaces them. While it fails the container waits. Nil:
	// none.
	Env func(pod *corev1.Pod, container string) ([]string, error)
	// Observe receives events, in order for each container. It must not block. Nil: not called.
	Observe func(Event)
	// Backoff is the pause before a container's first restart; it doubles up to a minute. The zero value is a second.
	Backoff time.Duration
	// Log receives problems, a line each. Nil: none.
	Log io.Writer
}

// Validate reports every problem.
func (o *Options) Validate() error {
	var errs []error
	if o.Client == nil {
		errs = append(errs, errors.New("kubelet: Client: missing"))
	}
	if !filepath.IsAbs(o.Dir) {
		errs = append(errs, fmt.Errorf("kubelet: Dir: %q is not an absolute path", o.Dir))
	}
	if _, _, err := net.SplitHostPort(o.APIServer); err != nil {
		errs = append(errs, fmt.Errorf("kubelet: APIServer: %w", err))
	}
	if o.Program == nil {
		errs = append(errs, errors.New("kubelet: Program: missing"))
	}
	return errors.Join(errs...)
}

// Kubelet runs pods.
type Kubelet struct {
	options   Options
	addresses addresses
	podCache  cache.SharedIndexInformer
	nodeCache cache.SharedIndexInformer
	nodes     corelisters.NodeLister

	mu      sync.Mutex
	running sync.WaitGroup
	pods    map[types.UID]*pod // until the API server no longer has them
	off     map[string]bool    // nodes without power
	ended   bool
}

// New makes a kubelet, which does nothing until Run.
func New(o Options) (*Kubelet, error) {
	if o.Backoff == 0 {
		o.Backoff = time.Second
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("kubelet: make its folder: %w", err)
	}
	scheduled := func(l *metav1.ListOptions) {
		l.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	}
	k := &Kubelet{
		options: o,
		podCache: coreinformers.NewFilteredPodInformer(o.Client, metav1.NamespaceAll, 0, cache.Indexers{byNode: nodeOf},
			scheduled),
		nodeCache: coreinformers.NewNodeInformer(o.Client, 0, cache.Indexers{}),
		pods:      map[types.UID]*pod{},
		off:       map[string]bool{},
	}
	k.nodes = corelisters.NewNodeLister(k.nodeCache.GetIndexer())
	return k, nil
}

func nodeOf(object any) ([]string, error) { return []string{object.(*corev1.Pod).Spec.NodeName}, nil }

// Run runs pods until the context ends. Then it kills all their processes, without telling the API server, and returns
// when they are gone.
func (k *Kubelet) Run(ctx context.Context) error {
	defer k.end()
	if err := k.watch(ctx); err != nil {
		return fmt.Errorf("kubelet: watch the cluster: %w", err)
	}
	var informers sync.WaitGroup
	defer informers.Wait()
	for _, informer := range []cache.SharedIndexInformer{k.nodeCache, k.podCache} {
		informers.Go(func() { informer.Run(ctx.Done()) })
	}
	<-ctx.Done()
	return nil
}

func (k *Kubelet) watch(ctx context.Context) error {
	_, err := k.podCache.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.sync(ctx, object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { k.sync(ctx, object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if p, ok := last(object).(*corev1.Pod); ok {
				k.forget(p)
			}
		},
	})
	if err != nil {
		return err
	}
	_, err = k.nodeCache.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { k.syncNode(ctx, object.(*corev1.Node).Name) },
		DeleteFunc: func(object any) {
			if n, ok := last(object).(*corev1.Node); ok {
				k.nodeGone(n.Name)
			}
		},
	})
	return err
}

// last is the object that was deleted, as far as the informer saw it.
func last(object any) any {
	if unseen, ok := object.(cache.DeletedFinalStateUnknown); ok {
		return unseen.Obj
	}
	return object
}

// end kills what runs, and waits for it.
func (k *Kubelet) end() {
	k.mu.Lock()
	k.ended = true
	for _, p := range k.pods {
		p.cutPower()
	}
	k.mu.Unlock()
	k.running.Wait()
}

// report writes a line about a problem.
func (k *Kubelet) report(format string, args ...any) {
	_, _ = fmt.Fprintf(k.options.Log, "kubelet: "+format+"\n", args...) // the log is the last resort
}
