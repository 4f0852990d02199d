package server

import (
	"context"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"dip/tools/pulumi/kubernetes/internal/fakeapi"
	"dip/tools/pulumi/kubernetes/internal/object"
)

const (
	deployment = "kubernetes:apps/v1:Deployment"
	webServer  = `{"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}}}`
)

// short is a time limit, in seconds, for what will not happen.
const short = 0.05

func statusOf(fields map[string]any) func(*fakeapi.Object) {
	return func(o *fakeapi.Object) { o.Object["status"] = fields }
}

func TestCreateWaitsUntilTheObjectIsReady(t *testing.T) {
	e := newEngine(t, "")
	done := make(chan error, 1)
	var st *state
	go func() {
		var err error
		st, err = e.create(deployment, props(webServer), 0)
		done <- err
	}()
	for !e.api.Has("Deployment", "default", "web") {
	}
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	e.api.Change(t, "Deployment", "default", "web", statusOf(map[string]any{
		"observedGeneration": int64(1), "replicas": int64(2), "updatedReplicas": int64(2), "availableReplicas": int64(2),
	}))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if v, _ := object.At(st.out, "status", "availableReplicas"); !v.IsNumber() {
		t.Errorf("the outputs are of before it was ready: %v", st.out)
	}
}

// The engine keeps what was made; the error says all that is known about why it is not ready.
func TestWhatDoesNotGetReady(t *testing.T) {
	e := newEngine(t, "")
	st, err := e.create(deployment, props(webServer), short)
	if err == nil || st == nil || st.id != "default/web" || text(st.out, "metadata", "uid") == "" {
		t.Fatalf("created %v: %v", st, err)
	}
	uid := text(st.out, "metadata", "uid")
	e.api.Change(t, "Deployment", "default", "web", statusOf(map[string]any{
		"observedGeneration": int64(1), "replicas": int64(2), "updatedReplicas": int64(2), "availableReplicas": int64(1),
		"conditions": []any{map[string]any{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
			"message": "too few"}},
	}))
	e.api.Put(&fakeapi.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"name": "e", "namespace": "default"},
		"involvedObject": map[string]any{"uid": uid}, "reason": "ScalingReplicaSet", "message": "scaled up to 2",
	}})
	e.api.Put(&fakeapi.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "web-1", "namespace": "default", "labels": map[string]any{"app": "web"}},
		"status": map[string]any{"phase": "Pending", "containerStatuses": []any{map[string]any{
			"name": "main", "state": map[string]any{"waiting": map[string]any{"reason": "ImagePullBackOff",
				"message": "no such image"}},
		}}},
	}})
	_, err = e.create(deployment, props(webServer), short)
	for _, want := range []string{
		"Deployment default/web", "1 of 2 replicas are available", "customTimeouts",
		"condition Available=False: MinimumReplicasUnavailable: too few",
		"event ScalingReplicaSet: scaled up to 2", "pod web-1: container main is waiting: ImagePullBackOff: no such image",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}

func TestSkipAwait(t *testing.T) {
	e := newEngine(t, "")
	st, err := e.create(deployment,
		props(`{"metadata": {"name": "web", "annotations": {"pulumi.com/skipAwait": "true"}}, "spec": {"replicas": 2}}`),
		short)
	if err != nil {
		t.Fatal(err)
	}
	e.api.Change(t, "Deployment", "default", "web", func(o *fakeapi.Object) { o.SetFinalizers([]string{"f"}) })
	if err := e.delete(st, short); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func TestDeleteWaitsAndSaysWhatHoldsItUp(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	e.api.Change(t, "ConfigMap", "default", "settings", func(o *fakeapi.Object) { o.SetFinalizers([]string{"dip/keep"}) })
	err := e.delete(st, short)
	if err == nil || !strings.Contains(err.Error(), "delete ConfigMap default/settings: still there") ||
		!strings.Contains(err.Error(), "dip/keep") {
		t.Errorf("delete: %v", err)
	}
}

// A new object is not applied to one of the same name that is being deleted.
func TestCreateWaitsForTheEndOfItsForerunner(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	e.api.Change(t, "ConfigMap", "default", "settings", func(o *fakeapi.Object) { o.SetFinalizers([]string{"dip/keep"}) })
	if err := e.delete(st, short); err == nil {
		t.Fatal("deleted")
	}
	if _, err := e.create(configMap, props(settingsMap), short); err == nil ||
		!strings.Contains(err.Error(), "still there") {
		t.Errorf("create: %v", err)
	}
}

func TestCancelEndsAWait(t *testing.T) {
	e := newEngine(t, "")
	if _, err := e.Cancel(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := e.create(deployment, props(webServer), 0); err == nil {
		t.Error("it does not end")
	}
}

func TestUnreachableCluster(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	settings := resource.PropertyMap{"kubeconfig": resource.NewProperty(e.api.Kubeconfig())}
	e.api.Close()
	if err := e.delete(st, 0); err == nil || !strings.Contains(err.Error(), "deleteUnreachable") ||
		!strings.Contains(err.Error(), e.api.URL) {
		t.Errorf("delete: %v", err)
	}
	_, err := e.Read(context.Background(),
		&pulumirpc.ReadRequest{Urn: urnOf(configMap), Id: st.id, Properties: e.marshal(st.out), Inputs: e.marshal(st.in)})
	if err == nil {
		t.Error("a refresh takes it for deleted")
	}
	settings["deleteUnreachable"] = resource.NewProperty("true")
	e.configure(settings)
	if err := e.delete(st, 0); err != nil {
		t.Errorf("delete: %v", err)
	}
	if e.refresh(st) {
		t.Error("a refresh finds it")
	}
}

// Missing credentials say nothing about the cluster: no resource may be dropped because of them.
func TestMissingCredentialsAreNoUnreachableCluster(t *testing.T) {
	e := newEngine(t, "")
	st := e.mustCreate(configMap, props(settingsMap))
	broken := strings.Replace(e.api.Kubeconfig(), `{"token": "t"}`,
		`{"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nowhere/aws", "interactiveMode": "Never"}}`,
		1)
	e.configure(resource.PropertyMap{"kubeconfig": resource.NewProperty(broken),
		"deleteUnreachable": resource.NewProperty(true)})
	if err := e.delete(st, 0); err == nil || !strings.Contains(err.Error(), "/nowhere/aws") {
		t.Errorf("delete: %v", err)
	}
	if !e.api.Has("ConfigMap", "default", "settings") {
		t.Error("deleted")
	}
}
