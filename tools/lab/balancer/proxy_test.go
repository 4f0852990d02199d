package balancer

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// aPod is one of the service on a node: ready or not, ending or not.
func aPod(ip, node string, ready, ending bool) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "dip", Name: "pod-" + ip, Labels: map[string]string{"app": "g", "v": "1"}},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionFalse},
		}},
	}
	if ready {
		p.Status.Conditions[0].Status = corev1.ConditionTrue
	}
	if ending {
		p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	}
	return p
}

func aService(policy corev1.ServiceExternalTrafficPolicy) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "dip", Name: "g"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "g"}, ExternalTrafficPolicy: policy,
			Ports: []corev1.ServicePort{{Port: 80, NodePort: 30443, TargetPort: intstr.FromString("http")}},
		},
	}
}

func TestEndpoints(t *testing.T) {
	other, elsewhere, done := aPod("9", "n", true, false), aPod("9", "n", true, false), aPod("9", "n", true, false)
	other.Labels["app"], elsewhere.Namespace, done.Status.Phase = "h", "kube-system", corev1.PodSucceeded
	pending := aPod("", "n", true, false)
	for _, c := range []struct {
		name, want string
		policy     corev1.ServiceExternalTrafficPolicy
		pods       []*corev1.Pod
	}{
		{"of the node alone", "1:8080", "Local", []*corev1.Pod{aPod("1", "n", true, false), aPod("2", "m", true, false)}},
		{"of the cluster", "1:8080 2:8080", "Cluster",
			[]*corev1.Pod{aPod("1", "n", true, false), aPod("2", "m", true, false)}},
		{"not one that ends while another is ready", "2:8080", "Local",
			[]*corev1.Pod{aPod("1", "n", true, true), aPod("2", "n", true, false)}},
		{"one that ends and still serves", "1:8080", "Local",
			[]*corev1.Pod{aPod("1", "n", true, true), aPod("2", "n", false, false)}},
		{"not one that ends and does not serve", "", "Local", []*corev1.Pod{aPod("1", "n", false, true)}},
		{"not ready", "", "Local", []*corev1.Pod{aPod("1", "n", false, false)}},
		{"others", "", "Local", []*corev1.Pod{other, elsewhere, done, pending}},
	} {
		if got := endpoints(aService(c.policy), c.pods, "n"); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPortByNumber(t *testing.T) {
	s := aService("Local")
	s.Spec.Ports[0].TargetPort = intstr.FromInt32(81)
	if got := endpoints(s, []*corev1.Pod{aPod("1", "n", true, false)}, "n"); !slices.Equal(got, []string{"1:81"}) {
		t.Errorf("%q", got)
	}
	s.Spec.Ports[0].TargetPort = intstr.FromString("https")
	if got := endpoints(s, []*corev1.Pod{aPod("1", "n", true, false)}, "n"); len(got) != 0 {
		t.Errorf("an unknown port: %q", got)
	}
}
