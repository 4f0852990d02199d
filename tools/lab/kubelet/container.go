package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"dip/tools/lab/kubelet/sandbox"
)

// contain runs a container, restarts it as its pod's restart policy says, and reports whether it succeeded in the end.
func (p *pod) contain(ctx context.Context, c *corev1.Container, initial bool) bool {
	pause := newBackoff(p.kubelet.options.Backoff)
	for {
		if p.ending(ctx) {
			return false
		}
		done := p.once(ctx, c)
		again := p.restarts(done, initial)
		if !again || p.ending(ctx) {
			return done == succeeded
		}
		wait := pause.next()
		p.update(func(s *state) { s.restarting(c.Name, done, wait) })
		if !p.sleep(wait) {
			p.update(func(s *state) { s.notRestarted(c.Name) })
			return false
		}
	}
}

// outcome is how a run of a container went.
type outcome int

const (
	succeeded outcome = iota
	failed
	notStarted
)

// restarts is the restart policy. Initial containers that have succeeded do not run again.
func (p *pod) restarts(last outcome, initial bool) bool {
	switch {
	case last == notStarted:
		return true
	case p.object.Spec.RestartPolicy == corev1.RestartPolicyNever:
		return false
	case initial || p.object.Spec.RestartPolicy == corev1.RestartPolicyOnFailure:
		return last == failed
	default:
		return true
	}
}

// once runs a container once.
func (p *pod) once(ctx context.Context, c *corev1.Container) outcome {
	process, command, err := p.start(ctx, c)
	if err != nil {
		p.update(func(s *state) { s.notStarted(c.Name, err) })
		return notStarted
	}
	began := metav1.Now()
	p.update(func(s *state) { s.running(c.Name, process.Pid(), began, c.ReadinessProbe == nil) })
	p.observe(Event{Kind: Started, Time: began.Time, Container: c.Name, Pid: process.Pid()})

	probing, stopProbing := context.WithCancel(ctx)
	if c.ReadinessProbe != nil {
		go p.probe(probing, c, command)
	}
	end := p.supervise(process, func() { p.preStop(c, command) })
	stopProbing()
	now := metav1.Now()
	p.observe(Event{
		Kind: end.kind, Time: now.Time, Container: c.Name, Pid: process.Pid(), ExitCode: end.exit.Code,
		Signal: end.exit.Signal,
		Took:   now.Sub(began.Time), Stopping: end.stopping,
	})
	p.update(func(s *state) { s.terminated(c.Name, end.exit.Code, now) })
	if end.exit.Code == 0 {
		return succeeded
	}
	return failed
}

// start starts a container's process. Its command is what probes and hooks run beside it.
func (p *pod) start(ctx context.Context, c *corev1.Container) (*sandbox.Process, sandbox.Command, error) {
	variables, err := p.environment(ctx, c)
	if err != nil {
		return nil, sandbox.Command{}, fmt.Errorf("environment: %w", err)
	}
	env, err := p.variables(c, variables)
	if err != nil {
		return nil, sandbox.Command{}, fmt.Errorf("environment: %w", err)
	}
	path, args, err := p.kubelet.commandOf(c, variables)
	if err != nil {
		return nil, sandbox.Command{}, err
	}
	log, err := os.OpenFile(p.kubelet.LogFile(p.object.Namespace, p.object.Name, c.Name),
		os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, sandbox.Command{}, fmt.Errorf("open its log: %w", err)
	}
	command := sandbox.Command{
		Path: path, Args: args, Env: env, Dir: c.WorkingDir, Mounts: p.mounts[c.Name], Root: p.root(), Output: log,
	}
	defer log.Close() // the process has it
	if err := os.MkdirAll(command.Root, 0o755); err != nil {
		return nil, command, fmt.Errorf("make its root folder: %w", err)
	}
	process, err := sandbox.Start(command)
	return process, command, err
}

// LogFile is the file with a container's output, of all its runs.
func (k *Kubelet) LogFile(namespace, pod, container string) string {
	return filepath.Join(k.options.Dir, namespace+"_"+pod+"_"+container+".log")
}

// ending is how a process ended.
type ending struct {
	exit     sandbox.Exit
	kind     Kind
	stopping time.Duration
}

// supervise waits for a process to end, and ends it when its pod has to end.
func (p *pod) supervise(process *sandbox.Process, preStop func()) ending {
	exited := make(chan sandbox.Exit, 1)
	go func() {
		exit, err := process.Wait()
		if err != nil {
			p.kubelet.report("pod %s/%s: %v", p.object.Namespace, p.object.Name, err)
		}
		exited <- exit
	}()
	select {
	case exit := <-exited:
		return ending{exit: exit, kind: Terminated}
	case <-p.power.c:
		return p.kill(process, exited, Lost)
	case <-p.grace.begun:
	}
	asked := time.Now()
	end := p.ask(process, exited, preStop)
	end.stopping = time.Since(asked)
	return end
}

// ask asks a process to exit, and kills it when its grace period is over.
func (p *pod) ask(process *sandbox.Process, exited <-chan sandbox.Exit, preStop func()) ending {
	go func() {
		preStop()
		p.signal(process, syscall.SIGTERM)
	}()
	select {
	case exit := <-exited:
		return ending{exit: exit, kind: Terminated}
	case <-p.power.c:
		return p.kill(process, exited, Lost)
	case <-p.grace.expired:
		return p.kill(process, exited, Killed)
	}
}

func (p *pod) kill(process *sandbox.Process, exited <-chan sandbox.Exit, kind Kind) ending {
	p.signal(process, syscall.SIGKILL)
	return ending{exit: <-exited, kind: kind}
}

func (p *pod) signal(process *sandbox.Process, s syscall.Signal) {
	if err := process.Signal(s); err != nil {
		p.kubelet.report("pod %s/%s: %v", p.object.Namespace, p.object.Name, err)
	}
}
