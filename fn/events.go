package main

import (
	"github.com/crossplane/function-sdk-go/errors"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/response"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// Reasons of events.
const (
	eventPhase       = "EphemeralClusterPhase"
	eventNotAccepted = "NotAccepted"
)

// addEvents adds a result for each change since the conditions that an earlier call
// left on the composite, and none when nothing has changed: Crossplane makes an
// event of every result of every call.
func addEvents(rsp *fnv1.RunFunctionResponse, c composite, phase v1.Phase, accepted condition) {
	if phase != "" && stringAt(c.reported(v1alpha1.ConditionPhase), "message") != string(phase) {
		if phase == v1.PhaseFailed {
			response.Warning(rsp, errors.New("the ephemeral cluster is Failed")).WithReason(eventPhase).TargetCompositeAndClaim()
		} else {
			response.Normalf(rsp, "the ephemeral cluster is %s", phase).WithReason(eventPhase).TargetCompositeAndClaim()
		}
	}

	before := c.reported(v1alpha1.ConditionAccepted)
	if accepted.status == fnv1.Status_STATUS_CONDITION_FALSE &&
		(stringAt(before, "reason") != accepted.reason || stringAt(before, "message") != accepted.message) {
		response.Warning(rsp, errors.New(accepted.message)).WithReason(eventNotAccepted).TargetCompositeAndClaim()
	}
}
