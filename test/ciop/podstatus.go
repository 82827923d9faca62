//go:build linux

package main

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podIP is the address of every pod: its processes are local ones.
const podIP = "127.0.0.1"

// Reasons of a terminated container, as the kubelet has them.
const (
	reasonCompleted = "Completed"
	reasonError     = "Error"
)

// ended reports whether a pod is in a phase that it never leaves.
func ended(s corev1.PodStatus) bool {
	return s.Phase == corev1.PodSucceeded || s.Phase == corev1.PodFailed
}

// runningStatus is a pod's status once all of its containers run.
func runningStatus(pod *corev1.Pod, now metav1.Time) corev1.PodStatus {
	s := *pod.Status.DeepCopy()
	s.Phase = corev1.PodRunning
	s.StartTime = &now
	s.HostIP, s.PodIP = podIP, podIP
	s.HostIPs = []corev1.HostIP{{IP: podIP}}
	s.PodIPs = []corev1.PodIP{{IP: podIP}}
	s.Conditions = conditions(now, corev1.ConditionTrue)

	// Prow's init containers only prepare what is not needed here.
	s.InitContainerStatuses = nil
	for _, c := range pod.Spec.InitContainers {
		s.InitContainerStatuses = append(s.InitContainerStatuses, terminated(c, now, now, 0, ""))
	}

	s.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		started := true
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{
			Name:    c.Name,
			Image:   c.Image,
			Ready:   true,
			Started: &started,
			State:   corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}

	return s
}

// endedStatus is a running pod's status once all of its containers have
// terminated: with an error if there is a message.
func endedStatus(pod *corev1.Pod, now metav1.Time, message string) corev1.PodStatus {
	s := *pod.Status.DeepCopy()
	s.Phase = corev1.PodSucceeded
	s.Conditions = conditions(now, corev1.ConditionFalse)

	code := int32(0)
	if message != "" {
		s.Phase, s.Message, code = corev1.PodFailed, message, 1
	}

	start := now
	if s.StartTime != nil {
		start = *s.StartTime
	}

	s.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		s.ContainerStatuses = append(s.ContainerStatuses, terminated(c, start, now, code, message))
	}

	return s
}

func terminated(c corev1.Container, start, end metav1.Time, code int32, message string) corev1.ContainerStatus {
	reason := reasonCompleted
	if code != 0 {
		reason = reasonError
	}

	return corev1.ContainerStatus{
		Name:  c.Name,
		Image: c.Image,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode:   code,
			Reason:     reason,
			Message:    message,
			StartedAt:  start,
			FinishedAt: end,
		}},
	}
}

func conditions(now metav1.Time, ready corev1.ConditionStatus) []corev1.PodCondition {
	status := func(t corev1.PodConditionType, s corev1.ConditionStatus) corev1.PodCondition {
		return corev1.PodCondition{Type: t, Status: s, LastTransitionTime: now}
	}

	return []corev1.PodCondition{
		status(corev1.PodScheduled, corev1.ConditionTrue),
		status(corev1.PodInitialized, corev1.ConditionTrue),
		status(corev1.ContainersReady, ready),
		status(corev1.PodReady, ready),
	}
}
