package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// state is what a pod does, and turns into its status.
type state struct {
	spec       *corev1.PodSpec
	generation int64
	began      metav1.Time
	initial    []corev1.ContainerStatus
	containers []corev1.ContainerStatus
	conditions []corev1.PodCondition
	failure    *failure // the kubelet's own reason to end the pod
	ended      bool     // no container will run again
}

// failure is why a pod failed whatever its containers did.
type failure struct{ reason, message string }

func newState(object *corev1.Pod, now metav1.Time) state {
	waiting := func(containers []corev1.Container) []corev1.ContainerStatus {
		var list []corev1.ContainerStatus
		for _, c := range containers {
			list = append(list, corev1.ContainerStatus{Name: c.Name, Image: c.Image, Started: new(false)})
		}
		return list
	}
	s := state{
		spec: &object.Spec, generation: object.Generation, began: now,
		initial: waiting(object.Spec.InitContainers), containers: waiting(object.Spec.Containers),
	}
	if object.Status.StartTime != nil {
		s.began = *object.Status.StartTime
	}
	s.wait("ContainerCreating", "")
	return s
}

// wait says why nothing has started yet.
func (s *state) wait(reason, message string) {
	for i := range s.initial {
		s.initial[i].State = waitingFor(reason, message)
	}
	if len(s.initial) > 0 {
		reason, message = "PodInitializing", ""
	}
	for i := range s.containers {
		s.containers[i].State = waitingFor(reason, message)
	}
}

func waitingFor(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

// of returns a container's status, for the caller to change.
func (s *state) of(name string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{s.initial, s.containers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return &corev1.ContainerStatus{} // no container of the pod
}

func (s *state) running(name string, pid int, began metav1.Time, ready bool) {
	c := s.of(name)
	if c.LastTerminationState.Terminated != nil {
		c.RestartCount++
	}
	c.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}
	c.ContainerID, c.Started = fmt.Sprintf("process://%d", pid), new(true)
	c.Ready = ready && !s.isInitial(name)
}

func (s *state) isInitial(name string) bool {
	for i := range s.initial {
		if s.initial[i].Name == name {
			return true
		}
	}
	return false
}

func (s *state) ready(name string, ready bool) {
	if c := s.of(name); c.State.Running != nil {
		c.Ready = ready
	}
}

func (s *state) notStarted(name string, err error) {
	s.of(name).State = waitingFor("CreateContainerError", err.Error())
}

func (s *state) terminated(name string, code int, now metav1.Time) {
	c := s.of(name)
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	c.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(code), Reason: reason, StartedAt: c.State.Running.StartedAt, FinishedAt: now,
		ContainerID: c.ContainerID,
	}}
	c.Started = new(false)
	c.Ready = code == 0 && s.isInitial(name)
}

// restarting says that a container will run again after a pause.
func (s *state) restarting(name string, last outcome, pause time.Duration) {
	if last == notStarted {
		return // its state says why
	}
	c := s.of(name)
	c.LastTerminationState = c.State
	c.State = waitingFor("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container", pause))
}

// notRestarted says that a container will not run again after all.
func (s *state) notRestarted(name string) {
	if c := s.of(name); c.LastTerminationState.Terminated != nil {
		c.State, c.LastTerminationState = c.LastTerminationState, corev1.ContainerState{}
	}
}
