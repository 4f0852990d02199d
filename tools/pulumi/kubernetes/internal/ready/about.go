package ready

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// cond is one of the conditions in a status.
type cond struct{ kind, status, reason, message string }

// because formats the reason of a condition, to follow its consequence.
func (c cond) because() string {
	switch {
	case c.message != "" && c.reason != "":
		return ": " + c.reason + ": " + c.message
	case c.message+c.reason != "":
		return ": " + c.message + c.reason
	}
	return ""
}

func conditionsOf(o *Object) []cond {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	var all []cond
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			all = append(all, cond{text(m, "type"), text(m, "status"), text(m, "reason"), text(m, "message")})
		}
	}
	return all
}

func conditionOf(o *Object, kind string) cond {
	for _, c := range conditionsOf(o) {
		if c.kind == kind {
			return c
		}
	}
	return cond{}
}

// Conditions lists those of an object, a line each.
func Conditions(o *Object) []string {
	var lines []string
	for _, c := range conditionsOf(o) {
		lines = append(lines, fmt.Sprintf("condition %s=%s%s", c.kind, c.status, c.because()))
	}
	return lines
}

// PodTrouble says why a pod is not ready: what its containers wait for or died of, else its conditions.
func PodTrouble(o *Object) string {
	var all []string
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(o.Object, "status", list)
		for _, e := range statuses {
			if m, ok := e.(map[string]any); ok {
				all = append(all, containerTrouble(m)...)
			}
		}
	}
	if len(all) > 0 {
		return strings.Join(all, "; ")
	}
	for _, c := range conditionsOf(o) {
		if c.status == "False" {
			all = append(all, c.kind+"=False"+c.because())
		}
	}
	if len(all) == 0 {
		return fmt.Sprintf("its phase is %q", text(o.Object, "status", "phase"))
	}
	return strings.Join(all, "; ")
}

func containerTrouble(status map[string]any) []string {
	for _, state := range []string{"waiting", "terminated"} {
		m, ok, _ := unstructured.NestedMap(status, "state", state)
		if !ok || text(m, "reason") == "Completed" {
			continue
		}
		return []string{"container " + text(status, "name") + " is " + state + cond{reason: text(m, "reason"),
			message: text(m, "message")}.because()}
	}
	return nil
}

func text(fields map[string]any, path ...string) string {
	s, _, _ := unstructured.NestedString(fields, path...)
	return s
}

// number returns the integer at a path, and fallback where there is none.
func number(fields map[string]any, fallback int64, path ...string) int64 {
	n, ok, _ := unstructured.NestedInt64(fields, path...)
	if !ok {
		return fallback
	}
	return n
}
