package kubelet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Program is what runs in place of an image.
type Program struct {
	// Image is how the name of the image begins.
	Image string
	// Path is the program, which gets the container's arguments; or a folder of programs, of which the container's command
	// names one: /app/worker is the folder's worker.
	Path string
}

func (p Program) validate() error {
	if p.Image == "" {
		return errors.New("Image: missing") // it would match every pod of the cluster
	}
	if !filepath.IsAbs(p.Path) {
		return fmt.Errorf("Path: %q is no absolute path", p.Path)
	}
	return nil
}

// Runs says whether the kubelet runs a pod: it knows a program for its first container.
func (k *Kubelet) Runs(p *corev1.Pod) bool {
	if len(p.Spec.Containers) == 0 || p.Spec.NodeName == "" {
		return false
	}
	_, ok := k.program(p.Spec.Containers[0].Image)
	return ok
}

func (k *Kubelet) program(image string) (Program, bool) {
	for _, p := range k.Programs {
		if strings.HasPrefix(image, p.Image) {
			return p, true
		}
	}
	return Program{}, false
}

// commandOf returns the program of a container and its arguments, the first of which is its name.
func (k *Kubelet) commandOf(c *corev1.Container, variables map[string]string) (path string, args []string, err error) {
	p, ok := k.program(c.Image)
	if !ok {
		return "", nil, fmt.Errorf("image %s has no program", c.Image)
	}
	command := expandAll(c.Command, variables)
	info, err := os.Stat(p.Path)
	if err != nil {
		return "", nil, fmt.Errorf("program of image %s: %w", c.Image, err)
	}
	path = p.Path
	if info.IsDir() {
		if len(command) == 0 {
			return "", nil, fmt.Errorf("image %s has several programs: command: missing", c.Image)
		}
		path = filepath.Join(p.Path, filepath.Base(command[0]))
	}
	if len(command) == 0 {
		command = []string{filepath.Base(path)}
	}
	return path, append(command, expandAll(c.Args, variables)...), nil
}
