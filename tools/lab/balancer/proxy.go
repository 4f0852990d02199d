package balancer

import (
	"fmt"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// endpoints are the addresses that the port of a node leads to, as kube-proxy has it: pods that are ready, or if there
// is none, those that end and still answer their readiness probes (KEP 1669); none: connections are dropped. A service
// whose external traffic policy is Local leads to pods of the node itself.
//
// They are made from the pods: the API server has no endpoint slices with addresses of the loopback network, which
// those of the lab's pods are.
func endpoints(s *corev1.Service, pods []*corev1.Pod, node string) []string {
	selector := labels.SelectorFromSet(s.Spec.Selector)
	var ready, ending []string
	for _, p := range pods {
		if p.Namespace != s.Namespace || !selector.Matches(labels.Set(p.Labels)) || p.Status.PodIP == "" || !serves(p) ||
			s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal && p.Spec.NodeName != node {
			continue
		}
		port, err := portOf(p, s.Spec.Ports[0].TargetPort)
		if err != nil {
			continue
		}
		address := net.JoinHostPort(p.Status.PodIP, strconv.Itoa(int(port)))
		if p.DeletionTimestamp == nil {
			ready = append(ready, address)
		} else {
			ending = append(ending, address)
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return ending
}

// serves says whether a pod answers its readiness probe.
func serves(p *corev1.Pod) bool {
	if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func portOf(p *corev1.Pod, port intstr.IntOrString) (int32, error) {
	if port.Type == intstr.Int {
		return port.IntVal, nil
	}
	for _, c := range p.Spec.Containers {
		for _, declared := range c.Ports {
			if declared.Name == port.StrVal {
				return declared.ContainerPort, nil
			}
		}
	}
	return 0, fmt.Errorf("pod %s has no port %q", p.Name, port.StrVal)
}
