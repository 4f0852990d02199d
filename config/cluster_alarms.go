package config

import (
	"fmt"
	"maps"
	"slices"

	"dip/contract"
)

// clusterAlarms are of the cluster and its nodes: pods that find no node, and groups that cannot grow. Of managed groups,
// EKS owns the Auto Scaling group and its metrics: when one cannot grow, its pods are unschedulable.
func (s *Stack) clusterAlarms() []Alarm {
	all := []Alarm{fires(System, "pods-unschedulable", 20, Alarm{
		Series:   []Series{{"", clusterMetrics, podsUnschedulable, Sum, Target{OfCluster, ""}}},
		Operator: Above, Reason: "Pods have found no node for 20 minutes", Runbook: "pods-find-no-node",
	})}
	for _, name := range slices.Sorted(maps.Keys(s.NodeGroups)) {
		g := s.NodeGroups[name]
		if g.Kind != Batch {
			continue
		}
		all = append(all, fires(System, name+"-at-maximum", 6, Alarm{
			Series:   []Series{{"", groupMetrics, groupCapacity, Minimum, Target{OfNodeGroup, name}}},
			Operator: Above, Threshold: float64(g.Max - 1), Period: minutes(5),
			Reason:  fmt.Sprintf("For half an hour, node group %s has had all of its %d nodes: more work waits", name, g.Max),
			Runbook: "pods-find-no-node",
		}))
	}
	return all
}

// interruptedAlarm is of a segment whose workers lose their nodes faster than they finish chunks.
func interruptedAlarm(segment string) Alarm {
	return fires(segment, segment+"-interrupted", oneOf1, Alarm{
		Series: []Series{
			own("back", contract.ChunksHandedBack, Sum, segment), own("done", contract.ChunksAcknowledged, Sum, segment),
		},
		Math: "back / (back + FILL(done, 0))", Operator: Above, Threshold: mostErrors, Period: minutes(15),
		Reason:  "Workers are stopped before they finish most of their chunks: EC2 takes spot nodes back",
		Runbook: "workers-are-interrupted-again-and-again",
	})
}
