package nodes

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Change is a node that comes or goes.
type Change struct {
	// Node is the node's name, Instance the id of its instance.
	Node, Instance string
	// Register is the node to register; nil: the node's instance is gone, and so is the node.
	Register *corev1.Node
}

// Plan lists the changes that align the cluster's nodes with the instances: nodes of instances that are gone are
// removed first. A node whose name has passed to another instance is removed and registered again.
func Plan(instances []Instance, nodes []corev1.Node) []Change {
	byName := map[string]Instance{}
	for _, i := range instances {
		byName[i.Name] = i
	}
	var changes []Change
	registered := map[string]bool{}
	for _, n := range nodes {
		id := n.Annotations[instanceAnnotation]
		if id == "" {
			continue // somebody else's
		}
		if byName[n.Name].ID == id {
			registered[n.Name] = true
			continue
		}
		changes = append(changes, Change{Node: n.Name, Instance: id})
	}
	gone := len(changes)
	for _, i := range instances {
		if !registered[i.Name] {
			changes = append(changes, Change{Node: i.Name, Instance: i.ID, Register: Node(i)})
		}
	}
	byNode := func(a, b Change) int { return cmp.Compare(a.Node, b.Node) }
	slices.SortFunc(changes[:gone], byNode)
	slices.SortFunc(changes[gone:], byNode)
	return changes
}
