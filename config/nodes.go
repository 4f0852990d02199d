package config

import "fmt"

// NoSchedule is the effect of the taint that keeps other pods off a dedicated group's nodes.
const NoSchedule = "NoSchedule"

// AutoscalerTags is what the Auto Scaling group tags begin with that the Cluster Autoscaler reads; AutoscalerEnabled is
// the tag of groups that it scales.
const (
	AutoscalerTags    = "k8s.io/cluster-autoscaler/"
	AutoscalerEnabled = AutoscalerTags + "enabled"
)

// GoMemoryVariable is the environment variable of GoMemory.
const GoMemoryVariable = "GOMEMLIMIT"

// GoMemory is the memory limit of a Go program that may use memoryMB MiB. The runtime collects garbage before the program
// is killed: the rest is for stacks, buffers of the kernel and the runtime itself.
func GoMemory(memoryMB int) string { return fmt.Sprintf("%dMiB", memoryMB*7/10) }

// Validate reports every problem that a group has by itself, with path before the names of its settings. architecture is
// its instance types', zones is over how many availability zones it spreads.
func (g NodeGroup) Validate(path string, architecture Architecture, zones int) error {
	found := newProblems()
	if g.Scaler == EscalatorScaler {
		checkLimits(path, g, found)
	} else {
		checkLimits(path, g, found, path+".escalator")
	}
	g.validate(path, architecture, zones, found)
	return found.err()
}

// Validate reports every problem that the thresholds have by themselves, with path before the names of the settings.
func (e Escalator) Validate(path string) error {
	found := newProblems()
	checkLimits(path, e, found)
	e.validate(path, found)
	return found.err()
}
