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

// Condition types that the function sets beside those that deployed clients read.
const (
	// conditionAccepted says whether the request is being carried to app.ci.
	conditionAccepted = "Accepted"

	// conditionCredentialsPublished says whether the tenant has the credentials.
	conditionCredentialsPublished = "CredentialsPublished"
)

// Reasons of conditions.
const (
	// reasonReported surfaces on conditions that only carry a message.
	reasonReported = "Reported"

	// reasonAccepted surfaces on Accepted when there is nothing to say against it.
	reasonAccepted = "Accepted"

	// reasonAnnotationsIgnored surfaces on Accepted, with status True, when an
	// annotation that names a run is not a name.
	reasonAnnotationsIgnored = "AnnotationsIgnored"

	// reasonCheckingName surfaces on Accepted until app.ci is known to have no
	// EphemeralCluster of the composite's name.
	reasonCheckingName = "CheckingName"

	// reasonInvalidInput surfaces on Accepted when the Composition's input for the
	// function cannot be read.
	reasonInvalidInput = "InvalidInput"

	// reasonInvalidSecretName surfaces on CredentialsPublished when the tenant's
	// Secret cannot have its name.
	reasonInvalidSecretName = "InvalidSecretName"

	// reasonInvalidRequest surfaces on Accepted when the spec is not a possible one.
	reasonInvalidRequest = "InvalidRequest"

	// reasonTenantUnknown surfaces on Accepted when a composite has neither a claim
	// nor a namespace.
	reasonTenantUnknown = "TenantUnknown"

	// reasonEnvironmentUnknown surfaces on Accepted when the Konflux cluster's name
	// is not known.
	reasonEnvironmentUnknown = "EnvironmentUnknown"

	// reasonNotOurs surfaces when the EphemeralCluster, or a Secret, of that name is
	// another's.
	reasonNotOurs = "NotOurs"

	// reasonPending surfaces on CredentialsPublished until there are any.
	reasonPending = "Pending"

	// reasonPublished surfaces on CredentialsPublished when they are.
	reasonPublished = "Published"
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
	v1alpha1.ConditionPhase:       true,
	v1alpha1.ConditionProwJobURL:  true,
	conditionAccepted:             true,
	conditionCredentialsPublished: true,
	"Ready":                       true,
	"Synced":                      true,
	"Healthy":                     true,
	"UpToDate":                    true,
	"Responsive":                  true,
}

// reportedConditions returns the EphemeralCluster's progress, word for word.
func reportedConditions(name string, ec observedEC, o ownership) []condition {
	if o == ownershipForeign {
		// Another's progress is not to be waited for, or read.
		return []condition{
			{typ: v1alpha1.ConditionPhase, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: reasonReported},
			{typ: v1alpha1.ConditionProwJobURL, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: reasonReported},
			{typ: string(v1.ConditionClusterReady), status: fnv1.Status_STATUS_CONDITION_FALSE, reason: reasonNotOurs, message: notOursMessage(name)},
		}
	}

	status := structAt(ec.actual, "status")

	cs := []condition{
		{typ: v1alpha1.ConditionPhase, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: reasonReported, message: stringAt(status, "phase")},
		{typ: v1alpha1.ConditionProwJobURL, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: reasonReported, message: stringAt(status, "prowJobURL")},
	}

	seen := map[string]bool{}

	for _, v := range listAt(status, "conditions") {
		c := v.GetStructValue()

		typ := stringAt(c, "type")
		if typ == "" || reservedTypes[typ] || seen[typ] {
			continue
		}

		seen[typ] = true

		cs = append(cs, condition{typ: typ, status: statusOf(c), reason: stringAt(c, "reason"), message: stringAt(c, "message")})
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

			return reasonInvalidInput, fmt.Sprintf("cannot read the function's input: %s", c.inputErr)
		},
		func(c call) (reason, message string) {
			if c.ownership != ownershipForeign {
				return "", ""
			}

			return reasonNotOurs, notOursMessage(c.composite.externalName())
		},
		func(c call) (reason, message string) {
			if c.composite.tenant != "" {
				return "", ""
			}

			return reasonTenantUnknown, "cannot tell whose request this is: make a claim"
		},
		func(c call) (reason, message string) {
			if c.requestErr == nil {
				return "", ""
			}

			return reasonInvalidRequest, c.requestErr.Error()
		},
		func(c call) (reason, message string) {
			if c.cluster != "" {
				return "", ""
			}

			return reasonEnvironmentUnknown, fmt.Sprintf("EnvironmentConfig %q does not exist, or has no data.%s", c.config.EnvironmentConfigName, v1alpha1.EnvironmentConfigKey)
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
			return condition{typ: conditionAccepted, status: fnv1.Status_STATUS_CONDITION_FALSE, reason: reason, message: message}
		}
	}

	if c.ownership == ownershipUnasked || c.ownership == ownershipAsked {
		return condition{
			typ: conditionAccepted, status: fnv1.Status_STATUS_CONDITION_UNKNOWN, reason: reasonCheckingName,
			message: fmt.Sprintf("asking app.ci for an EphemeralCluster %q, which must not exist", c.composite.externalName()),
		}
	}

	accepted := condition{typ: conditionAccepted, status: fnv1.Status_STATUS_CONDITION_TRUE, reason: reasonAccepted}

	if _, invalid := c.composite.runNames(); len(invalid) > 0 {
		accepted.reason = reasonAnnotationsIgnored
		accepted.message = "not a name, and not passed on: " + strings.Join(invalid, ", ")
	}

	return accepted
}

// credentialsCondition returns the condition CredentialsPublished.
func credentialsCondition(c call) condition {
	out := condition{typ: conditionCredentialsPublished, status: fnv1.Status_STATUS_CONDITION_FALSE, reason: reasonPending}
	reason, message := c.secret.problem()

	switch {
	case c.ownership == ownershipForeign:
		out.reason, out.message = reasonNotOurs, notOursMessage(c.composite.externalName())
	case reason != "":
		out.reason, out.message = reason, message
	case c.handedOver():
		out.status, out.reason = fnv1.Status_STATUS_CONDITION_TRUE, reasonPublished
	}

	return out
}
