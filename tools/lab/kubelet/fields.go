package kubelet

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// field is the value of a field of the pod, by its path.
func (s sources) field(path string) (string, error) {
	p := s.pod
	if of, key, ok := subscript(path); ok {
		switch of {
		case "metadata.labels":
			return p.Labels[key], nil
		case "metadata.annotations":
			return p.Annotations[key], nil
		}
	}
	switch path {
	case "metadata.name":
		return p.Name, nil
	case "metadata.namespace":
		return p.Namespace, nil
	case "metadata.uid":
		return string(p.UID), nil
	case "metadata.labels":
		return listed(p.Labels), nil
	case "metadata.annotations":
		return listed(p.Annotations), nil
	case "spec.nodeName":
		return p.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return p.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs":
		return p.Status.HostIP, nil
	case "status.podIP", "status.podIPs":
		return p.Status.PodIP, nil
	}
	return "", fmt.Errorf("fieldPath: %q: unsupported field", path)
}

// subscript takes of['key'] apart.
func subscript(path string) (of, key string, ok bool) {
	of, key, ok = strings.Cut(path, "['")
	if !ok {
		return "", "", false
	}
	key, ok = strings.CutSuffix(key, "']")
	return of, key, ok
}

func listed(pairs map[string]string) string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		lines = append(lines, key+"="+strconv.Quote(pairs[key]))
	}
	return strings.Join(lines, "\n")
}

// resource is a container's limit or request, in units of the divisor and rounded up. A missing limit is the node's.
func (s sources) resource(ref *corev1.ResourceFieldSelector, own *corev1.Container) (string, error) {
	c := own
	if ref.ContainerName != "" {
		all := slices.Concat(s.pod.Spec.InitContainers, s.pod.Spec.Containers)
		i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == ref.ContainerName })
		if i < 0 {
			return "", fmt.Errorf("resourceFieldRef: containerName: no container %q", ref.ContainerName)
		}
		c = &all[i]
	}
	if c == nil {
		return "", fmt.Errorf("resourceFieldRef: containerName: missing")
	}
	kind, name, _ := strings.Cut(ref.Resource, ".")
	var amount resource.Quantity
	switch kind {
	case "limits":
		var limited bool
		if amount, limited = c.Resources.Limits[corev1.ResourceName(name)]; !limited {
			amount = s.node.Status.Allocatable[corev1.ResourceName(name)]
		}
	case "requests":
		amount = c.Resources.Requests[corev1.ResourceName(name)]
	default:
		return "", fmt.Errorf("resourceFieldRef: resource: %q is neither limits nor requests", ref.Resource)
	}
	return inUnits(amount, ref.Divisor, name == string(corev1.ResourceCPU)), nil
}

// inUnits counts in thousandths when small is set.
func inUnits(amount, unit resource.Quantity, small bool) string {
	if unit.IsZero() {
		unit = resource.MustParse("1")
	}
	a, u := amount.Value(), unit.Value()
	if small {
		a, u = amount.MilliValue(), unit.MilliValue()
	}
	return strconv.FormatInt((a+u-1)/u, 10)
}
