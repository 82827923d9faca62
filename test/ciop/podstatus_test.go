//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPodStatus(t *testing.T) {
	start := metav1.NewTime(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))
	end := metav1.NewTime(start.Add(time.Hour))

	pod := &corev1.Pod{
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "place-entrypoint", Image: "i"}},
			Containers:     []corev1.Container{{Name: "test", Image: "t"}, {Name: "sidecar", Image: "s"}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending, QOSClass: corev1.PodQOSBurstable},
	}

	running := pod.DeepCopy()
	running.Status = runningStatus(pod, start)

	// seen is what Prow's plank looks at.
	type seen struct {
		Phase     corev1.PodPhase
		Reason    string
		Start     *metav1.Time
		IP        string
		QOS       corev1.PodQOSClass
		Running   int
		ExitCodes []int32
		Finished  []metav1.Time
		Message   string
	}

	cases := map[string]struct {
		reason string
		got    corev1.PodStatus
		want   seen
	}{
		"Running": {
			reason: "All containers run once the init containers have succeeded.",
			got:    running.Status,
			want: seen{
				Phase: corev1.PodRunning, Start: &start, IP: "127.0.0.1", QOS: corev1.PodQOSBurstable,
				Running: 2, ExitCodes: []int32{0}, Finished: []metav1.Time{start},
			},
		},
		"Succeeded": {
			reason: "Prow takes a pod for succeeded only if every container is seen to have.",
			got:    endedStatus(running, end, ""),
			want: seen{
				Phase: corev1.PodSucceeded, Start: &start, IP: "127.0.0.1", QOS: corev1.PodQOSBurstable,
				ExitCodes: []int32{0, 0, 0}, Finished: []metav1.Time{start, end, end},
			},
		},
		"Failed": {
			reason: "A failed pod says why, without a reason that Prow would revive it for.",
			got:    endedStatus(running, end, "no"),
			want: seen{
				Phase: corev1.PodFailed, Start: &start, IP: "127.0.0.1", QOS: corev1.PodQOSBurstable,
				ExitCodes: []int32{0, 1, 1}, Finished: []metav1.Time{start, end, end}, Message: "no",
			},
		},
		"NeverRan": {
			reason: "A pod that never ran can fail, too.",
			got:    endedStatus(pod, end, "no"),
			want: seen{
				Phase: corev1.PodFailed, QOS: corev1.PodQOSBurstable,
				ExitCodes: []int32{1, 1}, Finished: []metav1.Time{end, end}, Message: "no",
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := seen{
				Phase: tc.got.Phase, Reason: tc.got.Reason, Start: tc.got.StartTime, IP: tc.got.PodIP,
				QOS: tc.got.QOSClass, Message: tc.got.Message,
			}

			for _, c := range append(tc.got.InitContainerStatuses, tc.got.ContainerStatuses...) {
				if c.State.Running != nil {
					got.Running++
				}

				if c.State.Terminated != nil {
					got.ExitCodes = append(got.ExitCodes, c.State.Terminated.ExitCode)
					got.Finished = append(got.Finished, c.State.Terminated.FinishedAt)
				}
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
