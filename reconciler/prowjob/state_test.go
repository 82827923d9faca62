package prowjob

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestEnded(t *testing.T) {
	now := metav1.Now()

	cases := map[string]struct {
		reason string
		status prowv1.ProwJobStatus
		want   bool
	}{
		"Scheduling":   {reason: "It has not begun.", status: prowv1.ProwJobStatus{State: prowv1.SchedulingState}},
		"Pending":      {reason: "Its pod is running.", status: prowv1.ProwJobStatus{State: prowv1.PendingState}},
		"Success":      {reason: "It went well.", status: prowv1.ProwJobStatus{State: prowv1.SuccessState}, want: true},
		"Failure":      {reason: "It did not.", status: prowv1.ProwJobStatus{State: prowv1.FailureState}, want: true},
		"Aborting":     {reason: "Prow has not deleted its pod yet.", status: prowv1.ProwJobStatus{State: prowv1.AbortedState}},
		"Aborted":      {reason: "Prow has deleted its pod.", status: prowv1.ProwJobStatus{State: prowv1.AbortedState, CompletionTime: &now}, want: true},
		"FutureStates": {reason: "Of a state that Prow may add, the time still says it.", status: prowv1.ProwJobStatus{State: "new", CompletionTime: &now}, want: true},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Ended(&prowv1.ProwJob{Status: tc.status}); got != tc.want {
				t.Errorf("%s\nEnded(...): want %t, got %t", tc.reason, tc.want, got)
			}
		})
	}
}

func TestAbort(t *testing.T) {
	now := metav1.NewTime(time.Unix(1000, 0))

	cases := map[string]struct {
		reason  string
		podless bool
		want    prowv1.ProwJobStatus
	}{
		"WithPod": {
			reason: "Prow deletes the pod only of a ProwJob without completion time, and then sets it.",
			want:   prowv1.ProwJobStatus{State: prowv1.AbortedState, Description: "why"},
		},
		"WithoutPod": {
			reason:  "Nobody else would set the completion time.",
			podless: true,
			want:    prowv1.ProwJobStatus{State: prowv1.AbortedState, Description: "why", CompletionTime: &now},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pj := &prowv1.ProwJob{}
			Abort(pj, "why", now, tc.podless)

			if diff := cmp.Diff(tc.want, pj.Status); diff != "" {
				t.Errorf("%s\nAbort(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestTrim(t *testing.T) {
	pj := &prowv1.ProwJob{
		ObjectMeta: metav1.ObjectMeta{
			Name:          "a",
			Labels:        map[string]string{v1.LabelEphemeralCluster: "ec"},
			Annotations:   map[string]string{AnnotationUID: "u"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
		},
		Spec:   prowv1.ProwJobSpec{Cluster: "build01", PodSpec: &corev1.PodSpec{}, DecorationConfig: &prowv1.DecorationConfig{}},
		Status: prowv1.ProwJobStatus{State: prowv1.PendingState, URL: "u", Description: "d", BuildID: "1"},
	}
	want := &prowv1.ProwJob{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "a",
			Labels:      map[string]string{v1.LabelEphemeralCluster: "ec"},
			Annotations: map[string]string{AnnotationUID: "u"},
		},
		Spec:   prowv1.ProwJobSpec{Cluster: "build01"},
		Status: prowv1.ProwJobStatus{State: prowv1.PendingState, URL: "u", Description: "d"},
	}

	got, err := Trim(pj)
	if err != nil {
		t.Fatalf("Trim(...): %v", err)
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Trim(...): -want, +got:\n%s", diff)
	}
}
