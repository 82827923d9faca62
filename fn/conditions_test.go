package main

import (
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/google/go-cmp/cmp"
)

func TestReportedConditions(t *testing.T) {
	first := []condition{
		{typ: "_EphemeralClusterPhase", status: fnv1.Status_STATUS_CONDITION_TRUE, reason: "Reported", message: "Failed"},
		{typ: "_ProwJobURL", status: fnv1.Status_STATUS_CONDITION_TRUE, reason: "Reported"},
	}

	cases := map[string]struct {
		reason     string
		conditions string
		want       []condition
	}{
		"WordForWord": {
			reason:     "Reasons and messages are passed on as they are.",
			conditions: `[{type: ProwJobCreating, status: "False", reason: EphemeralClusterValidationFailure, message: "tenant \"a\" may not\nuse cluster profile \"b\""}]`,
			want:       append(first, condition{typ: "ProwJobCreating", status: fnv1.Status_STATUS_CONDITION_FALSE, reason: "EphemeralClusterValidationFailure", message: "tenant \"a\" may not\nuse cluster profile \"b\""}),
		},
		"UnknownTypes": {
			reason:     "A type that is newer than this code is passed on.",
			conditions: `[{type: BrandNew, status: "True"}]`,
			want:       append(first, condition{typ: "BrandNew", status: fnv1.Status_STATUS_CONDITION_TRUE}),
		},
		"Reserved": {
			reason:     "Types that are not an EphemeralCluster's to set are not.",
			conditions: `[{type: Ready, status: "True"}, {type: _ProwJobURL, status: "True", message: other}, {type: Accepted, status: "True"}]`,
			want:       first,
		},
		"Malformed": {
			reason:     "What is not a condition is left out, and a status that is none is Unknown.",
			conditions: `[a, {status: "True"}, {type: A, status: maybe}, {type: A, status: "True"}]`,
			want:       append(first, condition{typ: "A", status: fnv1.Status_STATUS_CONDITION_UNKNOWN}),
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ec := observedEC{actual: fromYAML("{status: {phase: Failed, conditions: " + tc.conditions + "}}")}

			got := reportedConditions(composite{name: "a"}, ec, ownershipOurs)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(condition{})); diff != "" {
				t.Errorf("%s\nreportedConditions(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
