package scenarios

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"dip/config"
	"dip/local"
	"dip/tools/lab/images"
	"dip/tools/lab/kubelet"
)

// podPrograms finds what runs in place of images.
type podPrograms struct {
	images   images.Table
	binaries map[string]string // by name
	own      string            // folder of the stack's own programs
}

// path is the file of a container's program; false: the container does not run here.
func (p podPrograms) path(image string, command []string) (string, bool) {
	program, ok := p.images.Program(image, command)
	switch {
	case !ok:
		return "", false
	case program.Own:
		return filepath.Join(p.own, program.Name), true
	default:
		path, ok := p.binaries[program.Name]
		return path, ok
	}
}

// startKubelet runs the pods that have a program here.
func (c *Cluster) startKubelet(
	running context.Context, programs podPrograms, d local.Daemon, dir string, fail context.CancelCauseFunc,
) error {
	endpoint, err := url.Parse(c.Plane.Endpoint)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "kubelet.log"))
	if err != nil {
		return err
	}
	k, err := kubelet.New(kubelet.Options{
		Client: c.Client, Program: programs.path, Dir: filepath.Join(dir, "pods"), APIServer: endpoint.Host, Log: log,
		Observe: c.Containers.add,
		Env: func(pod *corev1.Pod, container string) ([]string, error) {
			return c.podEnvironment(programs, d, pod, container)
		},
	})
	if err != nil {
		return err
	}
	c.Kubelet = k
	c.agent(running, fail, func(ctx context.Context) error {
		defer log.Close()
		return k.Run(ctx)
	})
	return nil
}

// podEnvironment points a pod to the emulator, with the key that Pod Identity gives to its service account. Escalator's
// SDK has no setting for an endpoint, and the termination handler of a node asks for the node's metadata.
func (c *Cluster) podEnvironment(
	programs podPrograms, d local.Daemon, pod *corev1.Pod, container string) ([]string, error,
) {
	env := d.Address()
	key, err := c.podKeys.of(pod.Namespace, pod.Spec.ServiceAccountName)
	if err != nil {
		return nil, err
	}
	env = append(env, key.Environment()...)
	for _, one := range pod.Spec.Containers {
		if one.Name != container {
			continue
		}
		program, _ := programs.images.Program(one.Image, one.Command)
		switch {
		case program == (images.Program{Name: gatewayName, Own: true}): // pods share this machine's ports
			env = append(env, fmt.Sprintf("DIP_LISTEN=%s:%d", pod.Status.PodIP, config.GatewayPort))
		case program == (images.Program{Name: "escalator"}):
			env = append(env, c.proxy.Environment()...)
		case program == (images.Program{Name: "node-termination-handler"}) && pod.Spec.HostNetwork:
			own, err := c.Metadata.Env(pod.Spec.NodeName)
			if err != nil {
				return nil, err
			}
			env = append(env, own...)
		}
	}
	return env, nil
}
