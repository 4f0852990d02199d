package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// Object is an object of any kind.
type Object = unstructured.Unstructured

// Cluster is a connection to a cluster.
type Cluster struct {
	// Namespace is that of objects that name none.
	Namespace string
	// Poll is the interval at which an awaited object is read.
	Poll time.Duration
	// Retry bounds how long a write is retried after a transient failure.
	Retry time.Duration

	server string
	client dynamic.Interface
	kinds  *restmapper.DeferredDiscoveryRESTMapper
}

// New makes a connection. Nothing is asked of the cluster yet.
func New(s Settings) (*Cluster, error) {
	cfg, namespace, err := s.rest()
	if err != nil {
		return nil, err
	}
	cfg.UserAgent = "dip-pulumi-kubernetes"
	// no client-side rate limit: the API server is fair among clients, and a limit here would fail waits early
	cfg.QPS = -1
	// The engine shows what comes on stderr: warnings of admission are for its user.
	cfg.WarningHandler = rest.NewWarningWriter(os.Stderr, rest.WarningWriterOptions{Deduplicate: true})
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return &Cluster{
		Namespace: namespace, Poll: 500 * time.Millisecond, Retry: time.Minute,
		server: cfg.Host, client: client, kinds: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(kinds)),
	}, nil
}

// Ref names an object.
type Ref struct {
	Kind      schema.GroupVersionKind
	Namespace string // empty: the cluster's default one if the kind is namespaced
	Name      string
}

// RefOf returns an object's.
func RefOf(o *Object) Ref {
	return Ref{Kind: o.GroupVersionKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

// ID is namespace/name, or the name alone where there is no namespace.
func (r Ref) ID() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

func (r Ref) String() string { return r.Kind.Kind + " " + r.ID() }

// ParseID is the inverse of ID.
func ParseID(kind schema.GroupVersionKind, id string) (Ref, error) {
	namespace, name, namespaced := strings.Cut(id, "/")
	if !namespaced {
		namespace, name = "", id
	}
	if name == "" || strings.Contains(name, "/") || namespaced && namespace == "" {
		return Ref{}, fmt.Errorf("the id %q of a %s is neither NAME nor NAMESPACE/NAME", id, kind.Kind)
	}
	return Ref{Kind: kind, Namespace: namespace, Name: name}, nil
}

// mapping finds how the cluster serves a kind. An unknown kind is looked up again: it may be new.
func (c *Cluster) mapping(kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	m, err := c.kinds.RESTMapping(kind.GroupKind(), kind.Version)
	if isNoKind(err) {
		c.kinds.Reset()
		m, err = c.kinds.RESTMapping(kind.GroupKind(), kind.Version)
	}
	return m, err
}

// Namespaced reports whether objects of a kind are in namespaces.
func (c *Cluster) Namespaced(kind schema.GroupVersionKind) (bool, error) {
	m, err := c.mapping(kind)
	if err != nil {
		return false, c.explain("look up the kind", kind.Kind, err)
	}
	return m.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// resource returns the client of an object's kind and namespace.
func (c *Cluster) resource(r Ref) (dynamic.ResourceInterface, error) {
	m, err := c.mapping(r.Kind)
	if err != nil {
		return nil, err
	}
	if m.Scope.Name() != meta.RESTScopeNameNamespace {
		if r.Namespace != "" {
			return nil, fmt.Errorf("metadata.namespace: objects of the kind %s are cluster-scoped", r.Kind.Kind)
		}
		return c.client.Resource(m.Resource), nil
	}
	namespace := r.Namespace
	if namespace == "" {
		namespace = c.Namespace
	}
	return c.client.Resource(m.Resource).Namespace(namespace), nil
}

// Get returns an object as it is. IsMissing reports whether there is none.
func (c *Cluster) Get(ctx context.Context, r Ref) (*Object, error) {
	o, err := c.get(ctx, r)
	if err != nil {
		return nil, c.explain("read", r.String(), err)
	}
	return o, nil
}

func (c *Cluster) get(ctx context.Context, r Ref) (*Object, error) {
	res, err := c.resource(r)
	if err != nil {
		return nil, err
	}
	return res.Get(ctx, r.Name, v1.GetOptions{})
}
