package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"dip/tools/pulumi/kubernetes/internal/ready"
)

const (
	lastEvents = 3 // of an object, in an error
	fewPods    = 3 // of a workload, in an error
)

var (
	eventsResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	podsResource   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// events returns what the last events about an object say. What cannot be learned is left out: it would hide what the
// events were asked for.
func (c *Cluster) events(ctx context.Context, o *Object) []string {
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = v1.NamespaceDefault // where events about objects without one are
	}
	about := fields.OneTermEqualSelector("involvedObject.uid", string(o.GetUID()))
	list, err := c.client.Resource(eventsResource).Namespace(namespace).List(ctx,
		v1.ListOptions{FieldSelector: about.String()})
	if err != nil {
		return nil
	}
	slices.SortStableFunc(list.Items, func(a, b Object) int { return cmp.Compare(eventTime(&a), eventTime(&b)) })
	var lines []string
	for i := len(list.Items) - 1; i >= 0 && len(lines) < lastEvents; i-- {
		e := list.Items[i].Object
		lines = append(lines, fmt.Sprintf("event %s: %s", text(e, "reason"), text(e, "message")))
	}
	return lines
}

// eventTime is when an event was last seen, in a form that sorts: RFC 3339.
func eventTime(e *Object) string {
	for _, name := range []string{"lastTimestamp", "eventTime", "firstTimestamp"} {
		if at := text(e.Object, name); at != "" {
			return at
		}
	}
	return ""
}

// pods tells about pods that a workload is waiting for.
func (c *Cluster) pods(ctx context.Context, o *Object) []string {
	match, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
	if len(match) == 0 {
		return nil
	}
	of := v1.ListOptions{LabelSelector: labels.SelectorFromSet(match).String()}
	list, err := c.client.Resource(podsResource).Namespace(o.GetNamespace()).List(ctx, of)
	if err != nil {
		return nil
	}
	var lines []string
	for i := range list.Items {
		pod := &list.Items[i]
		if missing, err := ready.Missing(pod); (missing != "" || err != nil) && len(lines) < fewPods {
			lines = append(lines, "pod "+pod.GetName()+": "+ready.PodTrouble(pod))
		}
	}
	return lines
}

func text(fields map[string]any, path ...string) string {
	s, _, _ := unstructured.NestedString(fields, path...)
	return s
}
