package nodes_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"dip/tools/lab/nodes"
)

func instance(id, name string) nodes.Instance {
	return nodes.Instance{
		ID: id, Name: name, Address: "10.0.0.1", Zone: "us-east-1a", Region: "us-east-1",
		Type: nodes.Type{Name: "m7g.large", Architecture: "arm64", CPUs: 2, MemoryMiB: 8192, Interfaces: 3, Addresses: 10},
		Join: nodes.Join{Labels: map[string]string{"dip/group": "batch"},
			Taints: []corev1.Taint{{Key: "dip/group", Value: "batch", Effect: corev1.TaintEffectNoSchedule}}},
	}
}

func registered(instances ...nodes.Instance) []corev1.Node {
	var list []corev1.Node
	for _, i := range instances {
		list = append(list, *nodes.Node(i))
	}
	return list
}

func TestPlan(t *testing.T) {
	a, b, c := instance("i-a", "a"), instance("i-b", "b"), instance("i-c", "c")
	foreign := corev1.Node{}
	foreign.Name = "z"
	for name, test := range map[string]struct {
		instances []nodes.Instance
		nodes     []corev1.Node
		want      []string
	}{
		"nothing":           {nil, nil, nil},
		"new ones, by name": {[]nodes.Instance{c, a}, registered(b), []string{"- b i-b", "+ a i-a", "+ c i-c"}},
		"all there":         {[]nodes.Instance{a, b}, registered(b, a), nil},
		"all gone":          {nil, registered(b, a), []string{"- a i-a", "- b i-b"}},
		"a name passes to another": {[]nodes.Instance{instance("i-x", "a")}, registered(a),
			[]string{"- a i-a", "+ a i-x"}},
		"somebody else's node is left":  {nil, []corev1.Node{foreign}, nil},
		"an instance and a gone one":    {[]nodes.Instance{a}, registered(a, c), []string{"- c i-c"}},
		"somebody else has an own name": {[]nodes.Instance{a}, append(registered(a), foreign), nil},
	} {
		var got []string
		for _, c := range nodes.Plan(test.instances, test.nodes) {
			sign := "-"
			if c.Register != nil {
				sign = "+"
			}
			got = append(got, sign+" "+c.Node+" "+c.Instance)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestNode(t *testing.T) {
	n := nodes.Node(instance("i-a", "ip-10-0-0-1.ec2.internal"))
	if n.Spec.ProviderID != "aws:///us-east-1a/i-a" || nodes.InstanceOf(n) != "i-a" ||
		n.Spec.Taints[0].Key != "dip/group" {
		t.Errorf("node is %v", n)
	}
	for key, want := range map[string]string{
		"dip/group": "batch", "kubernetes.io/hostname": "ip-10-0-0-1.ec2.internal", "kubernetes.io/arch": "arm64",
		"kubernetes.io/os":                 "linux",
		"node.kubernetes.io/instance-type": "m7g.large", "topology.kubernetes.io/zone": "us-east-1a",
		"topology.kubernetes.io/region": "us-east-1",
	} {
		if n.Labels[key] != want {
			t.Errorf("label %s is %q, want %q", key, n.Labels[key], want)
		}
	}
	// The figures of an m7g.large, which has 29 pods, on the AMI of EKS: 1930m and 7,518 MiB.
	for what, got := range map[string]string{
		"2":      n.Status.Capacity.Cpu().String(),
		"8Gi":    n.Status.Capacity.Memory().String(),
		"29":     n.Status.Allocatable.Pods().String(),
		"1930m":  n.Status.Allocatable.Cpu().String(),
		"7518Mi": n.Status.Allocatable.Memory().String(),
	} {
		if got != what {
			t.Errorf("it has %s, want %s", got, what)
		}
	}
}

func TestReservedProcessors(t *testing.T) {
	for cpus, want := range map[int]string{1: "940m", 2: "1930m", 4: "3920m", 8: "7910m", 96: "95690m"} {
		i := instance("i-a", "a")
		i.Type.CPUs = cpus
		if got := nodes.Node(i).Status.Allocatable.Cpu().String(); got != want {
			t.Errorf("of %d processors pods get %s, want %s", cpus, got, want)
		}
	}
}
