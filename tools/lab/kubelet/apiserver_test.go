package kubelet_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"dip/tools/lab/controlplane"
	"dip/tools/lab/kubelet"
	"dip/tools/lab/programs"
)

// TestInsideAPod is not a test: it is a program that runs in a pod, reads the pod from the API server, and exits when
// asked to.
func TestInsideAPod(t *testing.T) {
	if os.Getenv("DIP_POD") == "" {
		t.Skip("only TestAPodOfAnAPIServer runs it")
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	config, err := rest.InClusterConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	p, err := client.CoreV1().Pods(namespace).Get(t.Context(), os.Getenv("DIP_POD"), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Status.PodIP != os.Getenv("DIP_IP") && p.Status.PodIP != "" { // not written yet
		t.Errorf("the pod's address is %q, its variable %q", p.Status.PodIP, os.Getenv("DIP_IP"))
	}
	fmt.Println("read", p.Name)
	if err := os.WriteFile("/data/ready", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	<-asked
}

// reader is a pod of that program.
func reader() *corev1.Pod {
	return shell("reader", "", shared, func(p *corev1.Pod) {
		p.UID, p.Status = "", corev1.PodStatus{}
		p.Spec.RestartPolicy = corev1.RestartPolicyAlways
		c := &p.Spec.Containers[0]
		c.Command, c.Args = []string{"/app/reader"}, []string{"-test.run=^TestInsideAPod$"}
		c.Env = []corev1.EnvVar{
			{Name: "DIP_POD", ValueFrom: &corev1.EnvVarSource{
				FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			{Name: "DIP_IP", ValueFrom: &corev1.EnvVarSource{
				FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
		}
		c.ReadinessProbe = &corev1.Probe{PeriodSeconds: 1,
			ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "-e", "/data/ready"}}}}
	})
}

// A pod that an API server admitted runs with what admission put into it, is evicted, and exits gracefully.
func TestAPodOfAnAPIServer(t *testing.T) {
	config, client := apiServer(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	k, err := kubelet.New(kubelet.Options{
		Client: client, Dir: t.TempDir(), APIServer: strings.TrimPrefix(config.Host, "https://"), Log: t.Output(),
		Program: func(image string, _ []string) (string, bool) { return self, image == shellImage },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	var running sync.WaitGroup
	running.Go(func() {
		if err := k.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer stop()

	pods := client.CoreV1().Pods(namespace)
	events, err := pods.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	if _, err := pods.Create(ctx, reader(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var seen *corev1.Pod
	next := func() bool {
		t.Helper()
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(k.LogFile(namespace, "reader", "main"))
			t.Fatalf("the pod is %+v; it logged %s", seen, log)
		case e := <-events.ResultChan():
			seen = e.Object.(*corev1.Pod)
			return e.Type != "DELETED"
		}
		return false
	}
	for !holds(seen, corev1.PodReady) {
		next()
	}
	if !strings.HasPrefix(seen.Status.PodIP, "127.64.") || seen.Status.Phase != corev1.PodRunning {
		t.Errorf("status is %+v", seen.Status)
	}
	if log, err := os.ReadFile(k.LogFile(namespace, "reader", "main")); err != nil || string(log) != "read reader\n" {
		t.Errorf("it logged %s, %v", log, err)
	}
	if err := pods.EvictV1(ctx,
		&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "reader", Namespace: namespace}}); err != nil {
		t.Fatal(err)
	}
	for next() {
	}
	if seen.Status.Phase != corev1.PodSucceeded || !holds(seen, corev1.DisruptionTarget) || holds(seen, corev1.PodReady) {
		t.Errorf("it was last %+v", seen.Status)
	}
}

func holds(p *corev1.Pod, kind corev1.PodConditionType) bool {
	if p == nil {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// apiServer starts one, with what controllers would have made.
func apiServer(t *testing.T) (*rest.Config, kubernetes.Interface) {
	t.Helper()
	binaries, err := programs.Provide(t.Context(), "../../..", programs.Admission, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	server, err := controlplane.Start(t.Context(),
		controlplane.Options{Dir: filepath.Join(t.TempDir(), "lab"), Binaries: binaries, AdmissionOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := server.Config()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	made := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, options := t.Context(), metav1.CreateOptions{}
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	made(client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: named(namespace)}, options))
	made(client.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: named("account")},
		options))
	authority := &corev1.ConfigMap{ObjectMeta: named("kube-root-ca.crt"),
		Data: map[string]string{"ca.crt": string(server.CA)}}
	made(client.CoreV1().ConfigMaps(namespace).Create(ctx, authority, options))
	made(client.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: named("reader"),
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
	}, options))
	made(client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: named("reader"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "reader"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "account", Namespace: namespace}},
	}, options))
	made(client.CoreV1().Nodes().Create(ctx, node("node-1"), options))
	return config, client
}
