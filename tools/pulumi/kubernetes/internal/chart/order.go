package chart

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// order is that in which kinds are applied: what others need comes first. Kinds that are not listed are of custom
// resources, which need all of it.
var order = []string{
	"CustomResourceDefinition", "Namespace", "PriorityClass", "ResourceQuota", "LimitRange", "NetworkPolicy",
	"ServiceAccount", "Secret", "ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim",
	"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "PodDisruptionBudget", "Service",
	"DaemonSet", "Pod", "ReplicaSet", "Deployment", "StatefulSet", "HorizontalPodAutoscaler", "Job", "CronJob", "Ingress",
	"APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}

func arrange(all []*Object) {
	rank := func(o *Object) int {
		if i := slices.Index(order, o.GetKind()); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(all, func(a, b *Object) int { return rank(a) - rank(b) })
}

// definition is the kind of objects that define kinds.
var definition = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// IsDefinition reports whether an object defines a kind.
func IsDefinition(o *Object) bool { return o.GroupVersionKind().GroupKind() == definition }

// clusterWide are Kubernetes's own cluster-scoped kinds.
var clusterWide = []schema.GroupKind{
	definition,
	{Kind: "Namespace"}, {Kind: "Node"}, {Kind: "PersistentVolume"},
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"},
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"},
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"},
	{Group: "storage.k8s.io", Kind: "StorageClass"},
	{Group: "storage.k8s.io", Kind: "CSIDriver"},
	{Group: "networking.k8s.io", Kind: "IngressClass"},
	{Group: "node.k8s.io", Kind: "RuntimeClass"},
	{Group: "apiregistration.k8s.io", Kind: "APIService"},
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"},
}

// place gives a namespace to the objects that need one and name none. Custom resources are in one unless the chart
// defines their kind otherwise.
func place(all []*Object, namespace string) {
	wide := slices.Clone(clusterWide)
	for _, o := range all {
		if scope, _, _ := unstructured.NestedString(o.Object, "spec", "scope"); IsDefinition(o) && scope == "Cluster" {
			group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
			kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
			wide = append(wide, schema.GroupKind{Group: group, Kind: kind})
		}
	}
	for _, o := range all {
		if o.GetNamespace() == "" && !slices.Contains(wide, o.GroupVersionKind().GroupKind()) {
			o.SetNamespace(namespace)
		}
	}
}
