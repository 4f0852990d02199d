// Package fakeapi is a Kubernetes API server in memory, for tests: discovery, server-side apply of one manager,
// deletion with finalizers, and lists.
package fakeapi

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Object is an object of any kind.
type Object = unstructured.Unstructured

// resource is a kind as discovery tells it.
type resource struct {
	groupVersion, kind, plural string
	namespaced                 bool
}

// API is a fake cluster. It has the namespace default.
type API struct {
	*httptest.Server

	// Refuse, when set, sees each write before it happens; a status is the answer instead. It may read what it sees.
	Refuse func(method string, o *Object, dryRun bool) *v1.Status

	mu        sync.Mutex
	resources []resource
	objects   map[string]*Object        // by path
	applied   map[string]map[string]any // what was applied last, by path
	serial    int
	writes    []string // METHOD KIND NAME, without dry runs
}

// New starts a cluster that ends with the test.
func New(t *testing.T) *API {
	a := &API{
		resources: []resource{
			{"v1", "Namespace", "namespaces", false}, {"v1", "ConfigMap", "configmaps", true}, {"v1", "Secret", "secrets", true},
			{"v1", "Event", "events", true}, {"v1", "Pod", "pods", true}, {"v1", "ServiceAccount", "serviceaccounts", true},
			{"apps/v1", "Deployment", "deployments", true},
			{"rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false},
			{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false},
		},
		objects: map[string]*Object{}, applied: map[string]map[string]any{},
	}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that a client gives up
	a.StartTLS()
	t.Cleanup(a.Close)
	a.Put(&Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "default"},
		"status": map[string]any{"phase": "Active"},
	}})
	return a
}

// Kubeconfig returns one that leads to the cluster.
func (a *API) Kubeconfig() string {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": %q, "certificate-authority-data": %q}}],
"users": [{"name": "u", "user": {"token": "t"}}],
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}`, a.URL, base64.StdEncoding.EncodeToString(ca))
}

// Put stores an object as it is, as if another client had made it.
func (a *API) Put(o *Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.store(a.path(o), o.DeepCopy())
}

// Change changes a stored object, as controllers do. It is an error of the test when there is none.
func (a *API) Change(t *testing.T, kind, namespace, name string, change func(*Object)) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.objects {
		if o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name {
			change(o)
			return
		}
	}
	t.Fatalf("there is no %s %s/%s", kind, namespace, name)
}

// Has reports whether an object is stored.
func (a *API) Has(kind, namespace, name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(slices.Collect(maps.Values(a.objects)), func(o *Object) bool {
		return o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name
	})
}

// Forget removes a kind, with its objects.
func (a *API) Forget(kind string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resources = slices.DeleteFunc(a.resources, func(r resource) bool { return r.kind == kind })
	maps.DeleteFunc(a.objects, func(_ string, o *Object) bool { return o.GetKind() == kind })
}

// Writes are the writes since the last call, without dry runs: METHOD KIND NAME.
func (a *API) Writes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.writes
	a.writes = nil
	return w
}

// path is where an object is stored; empty when its kind is not known.
func (a *API) path(o *Object) string {
	for _, r := range a.resources {
		if r.groupVersion == o.GetAPIVersion() && r.kind == o.GetKind() {
			return r.path(o.GetNamespace()) + "/" + o.GetName()
		}
	}
	return ""
}

func (r resource) path(namespace string) string {
	root := "/apis/"
	if !strings.Contains(r.groupVersion, "/") {
		root = "/api/"
	}
	if r.namespaced {
		return root + r.groupVersion + "/namespaces/" + namespace + "/" + r.plural
	}
	return root + r.groupVersion + "/" + r.plural
}

// store fills in what an API server fills in.
func (a *API) store(path string, o *Object) {
	a.serial++
	o.SetResourceVersion(fmt.Sprint(a.serial))
	if o.GetUID() == "" {
		o.SetUID(types.UID(fmt.Sprint("uid-", a.serial)))
	}
	if o.GetKind() == "CustomResourceDefinition" {
		a.define(o)
	}
	if o.GetKind() == "Namespace" {
		o.Object["status"] = map[string]any{"phase": "Active"}
	}
	a.objects[path] = o
}

// define serves the kind that a definition defines.
func (a *API) define(o *Object) {
	group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
	plural, _, _ := unstructured.NestedString(o.Object, "spec", "names", "plural")
	scope, _, _ := unstructured.NestedString(o.Object, "spec", "scope")
	r := resource{group + "/v1", kind, plural, scope != "Cluster"}
	if !slices.Contains(a.resources, r) {
		a.resources = append(a.resources, r)
	}
	o.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err) // the connection is to this process
	}
}

// Status makes the answer of an API server that refuses.
func Status(code int32, reason v1.StatusReason, message string, causes ...v1.StatusCause) *v1.Status {
	return &v1.Status{
		TypeMeta: v1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: v1.StatusFailure, Code: code, Reason: reason,
		Message: message,
		Details: &v1.StatusDetails{Causes: causes},
	}
}

func notFound(what string) *v1.Status {
	return Status(http.StatusNotFound, v1.StatusReasonNotFound, what+" not found")
}

// list answers with the objects below a path that a request selects.
func (a *API) list(w http.ResponseWriter, req *http.Request) {
	byLabel, err := labels.Parse(req.URL.Query().Get("labelSelector"))
	byField, err2 := fields.ParseSelector(req.URL.Query().Get("fieldSelector"))
	if err != nil || err2 != nil {
		answer(w, http.StatusBadRequest, Status(http.StatusBadRequest, v1.StatusReasonBadRequest, "selector"))
		return
	}
	items := []any{}
	for _, path := range slices.Sorted(maps.Keys(a.objects)) {
		o := a.objects[path]
		uid, _, _ := unstructured.NestedString(o.Object, "involvedObject", "uid")
		if strings.HasPrefix(path, req.URL.Path+"/") && byLabel.Matches(labels.Set(o.GetLabels())) &&
			byField.Matches(fields.Set{"involvedObject.uid": uid}) {
			items = append(items, o.Object)
		}
	}
	answer(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}
