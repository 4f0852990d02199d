// Package ready decides whether an object is ready. It looks at the object alone.
package ready

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is an object of any kind.
type Object = unstructured.Unstructured

// A rule says what an object lacks, nothing when it is ready. An error says that it never will be.
type rule func(*Object) (missing string, err error)

var rules = map[schema.GroupKind]rule{
	{Kind: "Namespace"}:                  phase("Active"),
	{Kind: "Pod"}:                        pod,
	{Kind: "Service"}:                    service,
	{Group: "apps", Kind: "Deployment"}:  deployment,
	{Group: "apps", Kind: "DaemonSet"}:   daemonSet,
	{Group: "apps", Kind: "StatefulSet"}: statefulSet,
	{Group: "batch", Kind: "Job"}:        job,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: definition,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:             condition("Available"),
}

// Missing says what an object still lacks, in a few words; nothing when it is ready. Objects of kinds without a notion
// of readiness are ready. An error says that waiting is pointless.
func Missing(o *Object) (string, error) {
	if r := rules[o.GroupVersionKind().GroupKind()]; r != nil {
		return r(o)
	}
	return "", nil
}

func phase(want string) rule {
	return func(o *Object) (string, error) {
		if is := text(o.Object, "status", "phase"); is != want {
			return fmt.Sprintf("its phase is %q", is), nil
		}
		return "", nil
	}
}

func condition(kind string) rule {
	return func(o *Object) (string, error) {
		if c := conditionOf(o, kind); c.status != "True" {
			return "it is not " + kind + c.because(), nil
		}
		return "", nil
	}
}

func definition(o *Object) (string, error) {
	if c := conditionOf(o, "NamesAccepted"); c.status == "False" {
		return "", fmt.Errorf("its names are not accepted%s", c.because())
	}
	return condition("Established")(o)
}

func service(o *Object) (string, error) {
	if text(o.Object, "spec", "type") != "LoadBalancer" {
		return "", nil
	}
	if at, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress"); len(at) == 0 {
		return "its load balancer has no address", nil
	}
	return "", nil
}

// observed reports whether the controller has seen the object as it is now. Before that its status is stale.
func observed(o *Object) bool {
	return number(o.Object, 0, "status", "observedGeneration") >= o.GetGeneration()
}

const notObserved = "its controller has not seen it yet"

func deployment(o *Object) (string, error) {
	if paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); paused {
		return "", nil
	}
	if !observed(o) {
		return notObserved, nil
	}
	if c := conditionOf(o, "Progressing"); c.status == "False" && c.reason == "ProgressDeadlineExceeded" {
		return "", fmt.Errorf("it does not progress%s", c.because())
	}
	want := number(o.Object, 1, "spec", "replicas")
	updated := number(o.Object, 0, "status", "updatedReplicas")
	available := number(o.Object, 0, "status", "availableReplicas")
	all := number(o.Object, 0, "status", "replicas")
	switch {
	case updated < want:
		return fmt.Sprintf("%d of %d replicas are updated", updated, want), nil
	case all > updated:
		return fmt.Sprintf("%d old replicas are still there", all-updated), nil
	case available < want:
		return fmt.Sprintf("%d of %d replicas are available", available, want), nil
	}
	return "", nil
}

// byHand is the update strategy under which pods change only when they are deleted.
const byHand = "OnDelete"

func daemonSet(o *Object) (string, error) {
	if !observed(o) {
		return notObserved, nil
	}
	want := number(o.Object, 0, "status", "desiredNumberScheduled")
	updated := number(o.Object, 0, "status", "updatedNumberScheduled")
	available := number(o.Object, 0, "status", "numberAvailable")
	switch {
	case updated < want && text(o.Object, "spec", "updateStrategy", "type") != byHand:
		return fmt.Sprintf("%d of %d pods are updated", updated, want), nil
	case available < want:
		return fmt.Sprintf("%d of %d pods are available", available, want), nil
	}
	return "", nil
}

func statefulSet(o *Object) (string, error) {
	if !observed(o) {
		return notObserved, nil
	}
	want := number(o.Object, 1, "spec", "replicas")
	ready := number(o.Object, 0, "status", "readyReplicas")
	// Replicas below the partition stay as they are.
	rolled := max(0, want-number(o.Object, 0, "spec", "updateStrategy", "rollingUpdate", "partition"))
	updated := number(o.Object, 0, "status", "updatedReplicas")
	switch {
	case updated < rolled && text(o.Object, "spec", "updateStrategy", "type") != byHand:
		return fmt.Sprintf("%d of %d replicas are updated", updated, rolled), nil
	case ready < want:
		return fmt.Sprintf("%d of %d replicas are ready", ready, want), nil
	}
	return "", nil
}

func job(o *Object) (string, error) {
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspended {
		return "", nil
	}
	if c := conditionOf(o, "Failed"); c.status == "True" {
		return "", fmt.Errorf("it failed%s", c.because())
	}
	return condition("Complete")(o)
}

func pod(o *Object) (string, error) {
	switch text(o.Object, "status", "phase") {
	case "Succeeded":
		return "", nil
	case "Failed":
		return "", fmt.Errorf("it failed: %s", PodTrouble(o))
	}
	return condition("Ready")(o)
}
