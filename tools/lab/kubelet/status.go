package kubelet

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// status is the status for the API server, without the addresses.
func (s *state) status(now metav1.Time) corev1.PodStatus {
	status := corev1.PodStatus{
		Phase: s.phase(), StartTime: &s.began, ObservedGeneration: s.generation,
		InitContainerStatuses: slices.Clone(s.initial), ContainerStatuses: slices.Clone(s.containers),
	}
	if s.failure != nil {
		status.Reason, status.Message = s.failure.reason, s.failure.message
	}
	s.condition(corev1.PodScheduled, true, "", now)
	s.condition(corev1.PodInitialized, s.initialized(), "ContainersNotInitialized", now)
	unready := "ContainersNotReady"
	if status.Phase == corev1.PodSucceeded {
		unready = "PodCompleted"
	}
	for _, kind := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		s.condition(kind, s.allReady(), unready, now)
	}
	status.Conditions = slices.Clone(s.conditions)
	return status
}

// condition keeps the time since when a condition is as it is.
func (s *state) condition(kind corev1.PodConditionType, holds bool, reason string, now metav1.Time) {
	c := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now}
	if !holds {
		c.Status, c.Reason = corev1.ConditionFalse, reason
	}
	i := slices.IndexFunc(s.conditions, func(old corev1.PodCondition) bool { return old.Type == kind })
	if i < 0 {
		s.conditions = append(s.conditions, c)
		return
	}
	if old := s.conditions[i]; old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}
	s.conditions[i] = c
}

func (s *state) initialized() bool {
	for _, c := range s.initial {
		if t := c.State.Terminated; t == nil || t.ExitCode != 0 {
			return false
		}
	}
	return true
}

func (s *state) allReady() bool {
	for _, c := range s.containers {
		if !c.Ready {
			return false
		}
	}
	return true
}

// phase sums the containers up. A pod whose containers will not run again has failed or succeeded, because its restart
// policy says so or because it is deleted.
func (s *state) phase() corev1.PodPhase {
	if s.ended {
		return s.lastPhase()
	}
	if !s.initialized() {
		return corev1.PodPending
	}
	for _, c := range s.containers {
		if c.State.Waiting != nil && c.LastTerminationState.Terminated == nil {
			return corev1.PodPending
		}
	}
	return corev1.PodRunning
}

func (s *state) lastPhase() corev1.PodPhase {
	if s.failure != nil || !s.initialized() {
		return corev1.PodFailed
	}
	for _, c := range s.containers {
		if t := c.State.Terminated; t == nil || t.ExitCode != 0 {
			return corev1.PodFailed
		}
	}
	return corev1.PodSucceeded
}
