package kubelet

import (
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
)

// runs says whether the kubelet runs a pod: it has been scheduled, and its first container has a program.
func (k *Kubelet) runs(p *corev1.Pod) bool {
	if len(p.Spec.Containers) == 0 || p.Spec.NodeName == "" {
		return false
	}
	first := p.Spec.Containers[0]
	_, ok := k.options.Program(first.Image, first.Command)
	return ok
}

// commandOf returns the program of a container and its arguments, the first of which is its name.
func (k *Kubelet) commandOf(c *corev1.Container, variables map[string]string) (path string, args []string, err error) {
	command := expandAll(c.Command, variables)
	path, ok := k.options.Program(c.Image, command)
	if !ok {
		return "", nil, fmt.Errorf("image %s with command %q has no program", c.Image, command)
	}
	if len(command) == 0 {
		command = []string{filepath.Base(path)}
	}
	return path, append(command, expandAll(c.Args, variables)...), nil
}
