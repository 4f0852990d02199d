package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"dip/tools/lab/kubelet/sandbox"
)

// root is an empty folder for the views of the pod's containers.
func (p *pod) root() string { return filepath.Join(p.dir, "root") }

// volumes writes the pod's volumes, once for all its containers, and returns what each container mounts. Later changes
// of config maps and secrets do not reach it.
func (p *pod) volumes(ctx context.Context) (map[string][]sandbox.Mount, error) {
	sources := p.sources(ctx)
	for _, v := range p.object.Spec.Volumes {
		files, err := sources.volume(v.VolumeSource)
		if err == nil {
			err = files.write(p.volume(v.Name))
		}
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	mounts := map[string][]sandbox.Mount{}
	for _, c := range slices.Concat(p.object.Spec.InitContainers, p.object.Spec.Containers) {
		for _, m := range c.VolumeMounts {
			mount, err := p.mount(m)
			if err != nil {
				return nil, fmt.Errorf("container %s: mount %s: %w", c.Name, m.MountPath, err)
			}
			mounts[c.Name] = append(mounts[c.Name], mount)
		}
	}
	return mounts, nil
}

func (p *pod) volume(name string) string { return filepath.Join(p.dir, "volumes", name) }

func (p *pod) mount(m corev1.VolumeMount) (sandbox.Mount, error) {
	if m.SubPathExpr != "" {
		return sandbox.Mount{}, errors.New("subPathExpr: not supported")
	}
	source := p.volume(m.Name)
	if m.SubPath != "" {
		if !filepath.IsLocal(m.SubPath) {
			return sandbox.Mount{}, fmt.Errorf("subPath: %q leaves the volume", m.SubPath)
		}
		source = filepath.Join(source, m.SubPath)
		if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
			if err := os.MkdirAll(source, 0o777); err != nil {
				return sandbox.Mount{}, fmt.Errorf("subPath: %w", err)
			}
		}
	}
	return sandbox.Mount{Source: source, Target: m.MountPath, ReadOnly: m.ReadOnly}, nil
}

// files are a volume's, by their path in it.
type files map[string]file

type file struct {
	data []byte
	mode os.FileMode
}

func (f files) write(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for path, file := range f {
		if !filepath.IsLocal(path) {
			return fmt.Errorf("file %s leaves the volume", path)
		}
		target := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		// An earlier attempt may have left a read-only file.
		if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(target, file.data, file.mode); err != nil {
			return err
		}
	}
	return nil
}
