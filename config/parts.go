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

// Validate reports every problem of a single group, with path before the names of its settings. architecture is
// its instance types', zones is over how many availability zones it spreads.
func (g NodeGroup) Validate(path string, architecture Architecture, zones int) error {
	return check(path, g, func(found *problems) { g.validate(path, architecture, zones, found) })
}

// Validate reports every problem of workers' sizes and numbers, with path before the names of the settings.
func (w Workers) Validate(path string) error {
	return check(path, w, func(found *problems) { w.validate(path, found) })
}

// Validate reports every problem of a bucket's settings, with path before their names.
func (b Bucket) Validate(path string) error {
	return check(path, b, func(found *problems) { b.validate(path, found) })
}

// Validate reports every problem of the thresholds, with path before the names of the settings.
func (e Escalator) Validate(path string) error {
	return check(path, e, func(found *problems) { e.validate(path, found) })
}
