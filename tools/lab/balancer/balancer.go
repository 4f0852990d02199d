// Package balancer is a Network Load Balancer that works as the one that is declared in the emulator would: it sends
// connections to the node port of a service, on the instances of a target group that are healthy.
//
// Real are the settings: TLS, interval and thresholds of the health checks, what happens to the connections of targets
// that are deregistered or become unhealthy, and that it fails open. As AWS's, it does not try another target when one
// does not answer: the client's connection is closed. Not here: the time in which a change gets to all of a load
// balancer's own nodes, the timeout of idle connections, and client addresses.
package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"dip/tools/lab/awsapi"
	"dip/tools/lab/nodes"
	"dip/tools/lab/pki"
)

const (
	// every is the interval at which the registered targets are listed.
	every = time.Second
	// patience is how long AWS may fail to answer.
	patience = time.Minute
	// dialLimit is how long a target may take to accept a connection.
	dialLimit = 5 * time.Second
)

// Options of Start.
type Options struct {
	AWS        awsapi.Client
	Kubernetes kubernetes.Interface
	// Name is the load balancer's DNS name.
	Name string
	// Namespace and Service name the service whose node port the targets have.
	Namespace, Service string
	// Log receives what happens to targets and connections, a line each.
	Log io.Writer
}

// Balancer is a running load balancer.
type Balancer struct {
	// Address is host:port on loopback.
	Address string
	// CA is the certificate, PEM, that clients have to trust; nil: the listener does not end TLS.
	CA []byte

	options  Options
	settings settings
	service  *corev1.Service
	pods     cache.SharedIndexInformer
	nodes    cache.SharedIndexInformer
	listener net.Listener
	work     sync.WaitGroup
	end      context.CancelFunc

	mu      sync.Mutex
	targets map[string]*target // by instance
	closed  int                // connections of clients that no target took
	err     error
}

// target is an instance that is registered, or was and has connections left.
type target struct {
	condition condition
	left      bool // deregistered
	stop      context.CancelFunc
	conns     map[net.Conn]bool // to it
}

// Start reads the settings and listens on a free port until Stop. ctx bounds the start.
func Start(ctx context.Context, o Options) (*Balancer, error) {
	b := &Balancer{options: o, targets: map[string]*target{}}
	if err := b.start(ctx); err != nil {
		return nil, fmt.Errorf("start the load balancer: %w", err)
	}
	return b, nil
}

func (b *Balancer) start(ctx context.Context) (err error) {
	if b.settings, err = read(ctx, b.options.AWS, b.options.Name); err != nil {
		return err
	}
	b.service, err = b.options.Kubernetes.CoreV1().Services(b.options.Namespace).Get(ctx, b.options.Service,
		metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read its service: %w", err)
	}
	b.pods = coreinformers.NewPodInformer(b.options.Kubernetes, b.options.Namespace, 0, cache.Indexers{})
	b.nodes = coreinformers.NewNodeInformer(b.options.Kubernetes, 0, cache.Indexers{})
	if b.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	b.Address = b.listener.Addr().String()
	if b.settings.tls {
		if err := b.endTLS(); err != nil {
			return errors.Join(err, b.listener.Close())
		}
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	b.end = end
	for _, informer := range []cache.SharedIndexInformer{b.pods, b.nodes} {
		b.work.Go(func() { informer.Run(running.Done()) })
	}
	b.work.Go(func() { b.follow(running) })
	b.work.Go(func() { b.accept(running) })
	return nil
}

func (b *Balancer) endTLS() error {
	authority, err := pki.NewAuthority("lab load balancer")
	if err != nil {
		return err
	}
	pair, err := authority.Server(b.options.Name, b.options.Name)
	if err != nil {
		return err
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return err
	}
	b.CA = authority.Cert
	b.listener = tls.NewListener(b.listener, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
	})
	return nil
}

// Stop ends the load balancer and its connections. The error says what failed while it ran. It may be called once.
func (b *Balancer) Stop() error {
	b.end()
	err := b.listener.Close()
	b.mu.Lock()
	for _, t := range b.targets {
		cut(t)
	}
	b.mu.Unlock()
	b.work.Wait()
	return errors.Join(err, b.err)
}

// Closed counts the connections of clients that were closed because the target that was chosen took none.
func (b *Balancer) Closed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// Healthy lists the nodes that are healthy targets.
func (b *Balancer) Healthy() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for id, t := range b.targets {
		if n := b.node(id); t.condition.state == healthy && !t.left && n != "" {
			names = append(names, n)
		}
	}
	return names
}

// node is the name of an instance's node; "": it has not joined, or is gone.
func (b *Balancer) node(id string) string {
	for _, object := range b.nodes.GetStore().List() {
		if n := object.(*corev1.Node); nodes.InstanceOf(n) == id {
			return n.Name
		}
	}
	return ""
}

// choose picks one of the addresses that the port of an instance leads to; "": none.
func (b *Balancer) choose(id string) string {
	node := b.node(id)
	if node == "" {
		return ""
	}
	var pods []*corev1.Pod
	for _, object := range b.pods.GetStore().List() {
		pods = append(pods, object.(*corev1.Pod))
	}
	all := endpoints(b.service, pods, node)
	if len(all) == 0 {
		return ""
	}
	return all[rand.IntN(len(all))]
}

func (b *Balancer) logf(format string, args ...any) {
	at := time.Now().Format("15:04:05.000 ")
	_, _ = fmt.Fprintf(b.options.Log, at+format+"\n", args...) // the log is the last resort
}
