package main

import (
	"fmt"
	"strings"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/response"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// A condition is one condition of the composite and its claim.
type condition struct {
	typ     string
	status  fnv1.Status
	reason  string
	message string
}

func (c condition) addTo(rsp *fnv1.RunFunctionResponse) {
	// The constructors differ in the status only.
	response.ConditionTrue(rsp, c.typ, c.reason).WithMessage(c.message).TargetCompositeAndClaim()
	rsp.GetConditions()[len(rsp.GetConditions())-1].Status = c.status
}

// reservedTypes are those that an EphemeralCluster's conditions may not have: ours,
// and Crossplane's own, which it ignores from functions.
var reservedTypes = map[string]bool{ //nolint:gochecknoglobals // A constant, were maps ever that.
	v1alpha1.ConditionPhase:                true,
	v1alpha1.ConditionProwJobURL:           true,
	v1alpha1.ConditionAccepted:             true,
	v1alpha1.ConditionCredentialsPublished: true,
	v1alpha1.ConditionAppCISynced:          true,
	"Ready":                                true,
	"Synced":                               true,
	"Healthy":                              true,
	"UpToDate":                             true,
	"Responsive":                           true,
}

// reportedConditions returns the EphemeralCluster's progress, word for word.
// What an EphemeralCluster has said and does not say any more becomes Unknown: Crossplane
// keeps every condition until it is set again.
func reportedConditions(c composite, ec observedEC, o ownership) []condition {
	if o == ownershipForeign {
		// Another's progress is not to be waited for, or read.
		return []condition{
			{typ: v1alpha1.ConditionPhase, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: v1alpha1.ReasonReported},
			{typ: v1alpha1.ConditionProwJobURL, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: v1alpha1.ReasonReported},
			{typ: string(v1.ConditionClusterReady), status: fnv1.Status_STATUS_CONDITION_FALSE, reason: v1alpha1.ReasonNotOurs, message: notOursMessage(c.externalName())},
		}
	}

	status := structAt(ec.actual, "status")

	cs := []condition{
		{typ: v1alpha1.ConditionPhase, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: v1alpha1.ReasonReported, message: stringAt(status, "phase")},
		{typ: v1alpha1.ConditionProwJobURL, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: v1alpha1.ReasonReported, message: stringAt(status, "prowJobURL")},
	}

	seen := map[string]bool{}

	for _, v := range listAt(status, "conditions") {
		said := v.GetStructValue()

		typ := stringAt(said, "type")
		if typ == "" || reservedTypes[typ] || seen[typ] {
			continue
		}

		seen[typ] = true

		cs = append(cs, condition{typ: typ, status: statusOf(said), reason: stringAt(said, "reason"), message: stringAt(said, "message")})
	}

	for _, typ := range []v1.ConditionType{v1.ConditionProwJobCreating, v1.ConditionClusterReady, v1.ConditionTestCompleted, v1.ConditionProwJobCompleted} {
		if !seen[string(typ)] && c.reported(string(typ)) != nil {
			cs = append(cs, condition{typ: string(typ), status: fnv1.Status_STATUS_CONDITION_UNKNOWN, reason: v1alpha1.ReasonNotReported})
		}
	}

	return cs
}

func statusOf(c *structpb.Struct) fnv1.Status {
	switch stringAt(c, "status") {
	case "True":
		return fnv1.Status_STATUS_CONDITION_TRUE
	case "False":
		return fnv1.Status_STATUS_CONDITION_FALSE
	default:
		return fnv1.Status_STATUS_CONDITION_UNKNOWN
	}
}

// A check says what is wrong with a request, or returns no reason.
type check func(c call) (reason, message string)

// checks are made in order; the first that fails is the one that is told, and
// nothing is created while one fails.
func checks() []check {
	return []check{
		func(c call) (reason, message string) {
			if c.inputErr == nil {
				return "", ""
			}

			return v1alpha1.ReasonInvalidInput, fmt.Sprintf("cannot read the function's input: %s", c.inputErr)
		},
		func(c call) (reason, message string) {
			if c.ownership != ownershipForeign {
				return "", ""
			}

			return v1alpha1.ReasonNotOurs, notOursMessage(c.composite.externalName())
		},
		func(c call) (reason, message string) {
			if c.composite.tenant != "" {
				return "", ""
			}

			return v1alpha1.ReasonTenantUnknown, "cannot tell whose request this is: make a claim"
		},
		func(c call) (reason, message string) {
			if c.requestErr == nil {
				return "", ""
			}

			return v1alpha1.ReasonInvalidRequest, shortened(c.requestErr.Error())
		},
		func(c call) (reason, message string) {
			// Once there is a cluster, it is told where the credentials are.
			if c.ec.exists() {
				return "", ""
			}

			return c.secret.problem()
		},
		func(c call) (reason, message string) {
			if c.cluster != "" {
				return "", ""
			}

			return v1alpha1.ReasonEnvironmentUnknown, fmt.Sprintf("EnvironmentConfig %q does not exist, or has no data.%s", c.config.EnvironmentConfigName, v1alpha1.EnvironmentConfigKey)
		},
	}
}

func notOursMessage(name string) string {
	return fmt.Sprintf("EphemeralCluster %q was not made for this request: it is only observed, and its credentials are not passed on", name)
}

// judge returns the condition Accepted.
func judge(c call) condition {
	for _, failed := range checks() {
		if reason, message := failed(c); reason != "" {
			return condition{typ: v1alpha1.ConditionAccepted, status: fnv1.Status_STATUS_CONDITION_FALSE, reason: reason, message: message}
		}
	}

	if c.ownership == ownershipUnasked || c.ownership == ownershipAsked {
		return condition{
			typ: v1alpha1.ConditionAccepted, status: fnv1.Status_STATUS_CONDITION_UNKNOWN, reason: v1alpha1.ReasonCheckingName,
			message: fmt.Sprintf("asking app.ci for an EphemeralCluster %q, which must not exist", c.composite.externalName()),
		}
	}

	accepted := condition{typ: v1alpha1.ConditionAccepted, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: v1alpha1.ReasonAccepted}

	if _, invalid := c.composite.runNames(); len(invalid) > 0 {
		accepted.reason = v1alpha1.ReasonAnnotationsIgnored
		accepted.message = "not a name, and not passed on: " + strings.Join(invalid, ", ")
	}

	return accepted
}

// credentialsCondition returns the condition CredentialsPublished.
func credentialsCondition(c call) condition {
	out := condition{typ: v1alpha1.ConditionCredentialsPublished, status: fnv1.Status_STATUS_CONDITION_FALSE, reason: v1alpha1.ReasonPending}

	if c.ownership == ownershipForeign {
		out.reason, out.message = v1alpha1.ReasonNotOurs, notOursMessage(c.composite.externalName())

		return out
	}

	if c.composite.namespaced() {
		switch {
		case c.secret.invalid():
			out.reason, out.message = v1alpha1.ReasonInvalidSecretName, invalidNameMessage(c.secret.name)
		case c.handover.refused():
			out.reason, out.message = v1alpha1.ReasonNotOurs, takenMessage(c.secret.name)
		}
	}

	// After a rename that cannot be, they are where they were.
	if c.handedOver() {
		out.status, out.reason = fnv1.Status_STATUS_CONDITION_TRUE, v1alpha1.ReasonPublished
	}

	return out
}
