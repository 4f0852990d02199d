package kubelet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"dip/tools/lab/kubelet/sandbox"
)

// probe asks a container whether it is ready, as its probe says, until the context ends.
func (p *pod) probe(ctx context.Context, c *corev1.Container, command sandbox.Command) {
	probe := c.ReadinessProbe
	period := time.Duration(max(probe.PeriodSeconds, 1)) * time.Second
	next := time.NewTimer(time.Duration(probe.InitialDelaySeconds) * time.Second)
	defer next.Stop()
	var streak int32 // how often the answer was the last one
	ready := false
	for last := false; ; next.Reset(period) {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		err := p.check(ctx, c, command)
		if ctx.Err() != nil {
			return
		}
		if now := err == nil; now == last {
			streak++
		} else {
			last, streak = now, 1
		}
		if turned(ready, last, streak, probe) {
			ready = last
			p.update(func(s *state) { s.ready(c.Name, ready) })
		}
	}
}

// turned says whether a container's readiness has changed.
func turned(ready, answer bool, streak int32, probe *corev1.Probe) bool {
	threshold := max(probe.FailureThreshold, 1)
	if answer {
		threshold = max(probe.SuccessThreshold, 1)
	}
	return ready != answer && streak >= threshold
}

// check runs the probe once. A probe of an unsupported kind succeeds.
func (p *pod) check(ctx context.Context, c *corev1.Container, command sandbox.Command) error {
	probe := c.ReadinessProbe
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(probe.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		return p.get(ctx, c, probe.HTTPGet)
	case probe.TCPSocket != nil:
		return p.dial(ctx, c, probe.TCPSocket)
	case probe.Exec != nil:
		return p.execute(ctx, probe.Exec.Command, command)
	default:
		return nil
	}
}

func (p *pod) get(ctx context.Context, c *corev1.Container, get *corev1.HTTPGetAction) error {
	port, err := portOf(c, get.Port)
	if err != nil {
		return err
	}
	scheme := "http"
	if get.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	url := fmt.Sprintf("%s://%s%s", scheme, net.JoinHostPort(p.reachable(get.Host), port), get.Path)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	for _, h := range get.HTTPHeaders {
		request.Header.Add(h.Name, h.Value)
	}
	// A kubelet does not check certificates either.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return nil
}

func (p *pod) dial(ctx context.Context, c *corev1.Container, socket *corev1.TCPSocketAction) error {
	port, err := portOf(c, socket.Port)
	if err != nil {
		return err
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(p.reachable(socket.Host), port))
	if err != nil {
		return err
	}
	return connection.Close()
}

// reachable is where a pod listens: on its address, or on the machine's if it uses its node's network.
func (p *pod) reachable(host string) string {
	switch {
	case host != "":
		return host
	case p.object.Spec.HostNetwork:
		return "127.0.0.1"
	default:
		return p.object.Status.PodIP
	}
}

// portOf finds a port by its number or its name.
func portOf(c *corev1.Container, port intstr.IntOrString) (string, error) {
	if port.Type == intstr.Int {
		return strconv.Itoa(port.IntValue()), nil
	}
	for _, declared := range c.Ports {
		if declared.Name == port.StrVal {
			return strconv.Itoa(int(declared.ContainerPort)), nil
		}
	}
	return "", fmt.Errorf("container %s has no port %q", c.Name, port.StrVal)
}

// execute runs a command in a container's view of the file system.
func (p *pod) execute(ctx context.Context, argv []string, command sandbox.Command) error {
	if len(argv) == 0 {
		return errors.New("command: missing")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	command.Path, command.Args, command.Output = path, argv, nil
	process, err := sandbox.Start(command)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { p.signal(process, syscall.SIGKILL) })()
	exit, err := process.Wait()
	if err == nil && exit.Code != 0 {
		err = fmt.Errorf("%s: exit code %d", argv[0], exit.Code)
	}
	return err
}

// preStop runs a container's preStop hook, at most for its grace period.
func (p *pod) preStop(c *corev1.Container, command sandbox.Command) {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-p.grace.expired:
		case <-p.power.c:
		case <-ctx.Done():
		}
	}()
	var err error
	switch hook := c.Lifecycle.PreStop; {
	case hook.Exec != nil:
		err = p.execute(ctx, hook.Exec.Command, command)
	case hook.HTTPGet != nil:
		err = p.get(ctx, c, hook.HTTPGet)
	case hook.Sleep != nil:
		select {
		case <-time.After(time.Duration(hook.Sleep.Seconds) * time.Second):
		case <-ctx.Done():
		}
	}
	if err != nil && ctx.Err() == nil {
		p.kubelet.report("pod %s/%s: preStop hook of %s: %v", p.object.Namespace, p.object.Name, c.Name, err)
	}
}
