package nodes

import (
	"fmt"
	"maps"
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Instance is an instance that runs and belongs to the cluster.
type Instance struct {
	ID           string
	Name         string // private DNS name: what EKS calls the node
	Address      string // private
	Zone, Region string
	ZoneID       string // the same in all accounts
	Type         Type
	Join         Join
}

// Type is an instance type.
type Type struct {
	Name         string
	Architecture string // as Kubernetes calls it
	CPUs         int
	MemoryMiB    int
	// Interfaces is how many network interfaces an instance has at most, and Addresses how many IPv4 addresses each.
	Interfaces, Addresses int
}

// maxPods is how many pods get an address from the VPC. Source: "Choosing an Amazon EC2 instance type", Amazon EKS.
func (t Type) maxPods() int { return t.Interfaces*(t.Addresses-1) + 2 }

// capacity is what an instance has.
func (t Type) capacity() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewQuantity(int64(t.CPUs), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(int64(t.MemoryMiB)<<20, resource.BinarySI),
		corev1.ResourcePods:             *resource.NewQuantity(int64(t.maxPods()), resource.DecimalSI),
		corev1.ResourceEphemeralStorage: resource.MustParse(disk),
	}
}

// disk is more than any pod asks for.
const disk = "50Gi"

// allocatable is what pods get of it: nodeadm keeps a share of the processors and, for each possible pod, some memory
// to itself, and pods are evicted before the last 100 MiB. Source: Amazon EKS AMI, nodeadm, "reserved resources".
func (t Type) allocatable() corev1.ResourceList {
	all := t.capacity()
	all[corev1.ResourceCPU] = *resource.NewMilliQuantity(int64(t.CPUs*1000-t.reservedMilliCPU()), resource.DecimalSI)
	all[corev1.ResourceMemory] = *resource.NewQuantity(int64(t.MemoryMiB-255-11*t.maxPods()-100)<<20, resource.BinarySI)
	return all
}

// reservedMilliCPU is 6 % of the first processor, 1 % of the second, 0.5 % of the next two and 0.25 % of all others.
func (t Type) reservedMilliCPU() int {
	reserved := 0.0
	for n := range t.CPUs {
		switch {
		case n == 0:
			reserved += 60
		case n == 1:
			reserved += 10
		case n < 4:
			reserved += 5
		default:
			reserved += 2.5
		}
	}
	return int(math.Floor(reserved))
}

// instanceAnnotation names a node's instance.
const instanceAnnotation = "lab/instance"

// ZoneIDLabel is the label of EKS with the id of a node's availability zone.
const ZoneIDLabel = "topology.k8s.aws/zone-id"

// Node is how the instance registers. Its conditions are kwok's to set.
func Node(i Instance) *corev1.Node {
	labels := maps.Clone(i.Join.Labels)
	maps.Copy(labels, map[string]string{
		corev1.LabelHostname:           i.Name,
		corev1.LabelOSStable:           "linux",
		corev1.LabelArchStable:         i.Type.Architecture,
		corev1.LabelInstanceTypeStable: i.Type.Name,
		corev1.LabelTopologyZone:       i.Zone,
		corev1.LabelTopologyRegion:     i.Region,
		ZoneIDLabel:                    i.ZoneID,
	})
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: i.Name, Labels: labels, Annotations: map[string]string{instanceAnnotation: i.ID}},
		Spec:       corev1.NodeSpec{ProviderID: fmt.Sprintf("aws:///%s/%s", i.Zone, i.ID), Taints: i.Join.Taints},
		Status: corev1.NodeStatus{
			Capacity: i.Type.capacity(), Allocatable: i.Type.allocatable(),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: i.Address}, {Type: corev1.NodeInternalDNS, Address: i.Name},
				{Type: corev1.NodeHostName, Address: i.Name},
			},
			NodeInfo: corev1.NodeSystemInfo{
				Architecture: i.Type.Architecture, OperatingSystem: "linux", OSImage: "lab", KubeletVersion: kubeletVersion,
				MachineID: i.ID,
			},
		},
	}
}

// kubeletVersion is that of the control plane.
const kubeletVersion = "v1.34.4"
