package v1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSetCondition(t *testing.T) {
	before := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	now := metav1.NewTime(before.Add(time.Hour))

	cases := map[string]struct {
		reason string
		have   []Condition
		set    Condition
		want   []Condition
	}{
		"New": {
			reason: "A condition that is new has changed now.",
			have:   []Condition{{Type: "A", Status: metav1.ConditionTrue, LastTransitionTime: before}},
			set:    Condition{Type: "B", Status: metav1.ConditionFalse, Reason: "R"},
			want: []Condition{
				{Type: "A", Status: metav1.ConditionTrue, LastTransitionTime: before},
				{Type: "B", Status: metav1.ConditionFalse, Reason: "R", LastTransitionTime: now},
			},
		},
		"OtherStatus": {
			reason: "A condition whose status changes has changed now.",
			have:   []Condition{{Type: "A", Status: metav1.ConditionTrue, LastTransitionTime: before}},
			set:    Condition{Type: "A", Status: metav1.ConditionFalse},
			want:   []Condition{{Type: "A", Status: metav1.ConditionFalse, LastTransitionTime: now}},
		},
		"OtherMessage": {
			reason: "A message alone does not move the transition time.",
			have:   []Condition{{Type: "A", Status: metav1.ConditionTrue, Message: "old", LastTransitionTime: before}},
			set:    Condition{Type: "A", Status: metav1.ConditionTrue, Message: "new", ObservedGeneration: 2},
			want:   []Condition{{Type: "A", Status: metav1.ConditionTrue, Message: "new", ObservedGeneration: 2, LastTransitionTime: before}},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := EphemeralClusterStatus{Conditions: tc.have}
			s.SetCondition(tc.set, now)

			if diff := cmp.Diff(tc.want, s.Conditions); diff != "" {
				t.Errorf("\n%s\nSetCondition(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
