package scenarios

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestBeyond(t *testing.T) {
	before := inventory{"v1 pods a/b": true, "v1 pods a/c": true}
	now := inventory{"v1 pods a/c": true, "v1 pods a/e": true, "v1 pods a/d": true}
	if got, want := now.beyond(before), []string{"v1 pods a/d", "v1 pods a/e"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if got := before.beyond(before); len(got) != 0 {
		t.Errorf("left are %q of nothing new", got)
	}
}

func TestOwnObjectsOfTheControlPlane(t *testing.T) {
	labelled := map[string]string{"app.kubernetes.io/part-of": "dip"}
	for _, c := range []struct {
		resource, namespace, name string
		labels                    map[string]string
		want                      bool
	}{
		{"configmaps", "default", "kube-root-ca.crt", nil, true},
		{"configmaps", "default", "settings", nil, false},
		{"serviceaccounts", "dip", "default", nil, true},
		{"serviceaccounts", "kube-system", "job-controller", nil, true},
		{"serviceaccounts", "kube-system", "node-termination-handler", labelled, false},
		{"serviceaccounts", "dip", "worker", nil, false},
		{"secrets", "kube-system", "kube-root-ca.crt", nil, false},
	} {
		if got := ownOf(c.resource,
			metav1.ObjectMeta{Namespace: c.namespace, Name: c.name, Labels: c.labels}); got != c.want {
			t.Errorf("%s %s/%s: %v", c.resource, c.namespace, c.name, got)
		}
	}
}
