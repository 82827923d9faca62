package main

import (
	"maps"
	"time"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// A want is a response, in the words that differ between responses.
type want struct {
	ttl        time.Duration
	conditions []*fnv1.Condition
	results    []*fnv1.Result
	status     string
	details    map[string][]byte
	ready      bool

	ec, credentials           *structpb.Struct
	ecReady, credentialsReady bool
	extra                     map[string]*fnv1.Resource
}

func (w want) response() *fnv1.RunFunctionResponse {
	rsp := &fnv1.RunFunctionResponse{
		Meta:       &fnv1.ResponseMeta{Tag: "tag", Ttl: durationpb.New(w.ttl)},
		Conditions: w.conditions,
		Results:    w.results,
		Requirements: &fnv1.Requirements{Resources: map[string]*fnv1.ResourceSelector{
			"environment": {
				ApiVersion: "apiextensions.crossplane.io/v1beta1",
				Kind:       "EnvironmentConfig",
				Match:      &fnv1.ResourceSelector_MatchName{MatchName: "envcfg"},
			},
		}},
		Desired: &fnv1.State{
			Composite: &fnv1.Resource{ConnectionDetails: w.details, Ready: readyWord(w.ready)},
			Resources: map[string]*fnv1.Resource{},
		},
	}

	if w.status != "" {
		rsp.Desired.Composite.Resource = &structpb.Struct{Fields: map[string]*structpb.Value{
			"status": structpb.NewStructValue(fromYAML(w.status)),
		}}
	}

	if w.ec != nil {
		rsp.Desired.Resources["ec"] = &fnv1.Resource{Resource: w.ec, Ready: readyWord(w.ecReady)}
	}

	if w.credentials != nil {
		rsp.Desired.Resources["credentials"] = &fnv1.Resource{Resource: w.credentials, Ready: readyWord(w.credentialsReady)}
	}

	maps.Copy(rsp.GetDesired().GetResources(), w.extra)

	return rsp
}

func readyWord(ready bool) fnv1.Ready {
	if ready {
		return fnv1.Ready_READY_TRUE
	}

	return fnv1.Ready_READY_FALSE
}

const (
	statusTrue    = fnv1.Status_STATUS_CONDITION_TRUE
	statusFalse   = fnv1.Status_STATUS_CONDITION_FALSE
	statusUnknown = fnv1.Status_STATUS_CONDITION_UNKNOWN
)

func cond(typ string, status fnv1.Status, reason, message string) *fnv1.Condition {
	return &fnv1.Condition{
		Type: typ, Status: status, Reason: reason, Message: &message,
		Target: fnv1.Target_TARGET_COMPOSITE_AND_CLAIM.Enum(),
	}
}

// reports are the first two conditions of every response.
func reports(phase, url string) []*fnv1.Condition {
	return []*fnv1.Condition{
		cond("_EphemeralClusterPhase", statusTrue, "Reported", phase),
		cond("_ProwJobURL", statusTrue, "Reported", url),
	}
}

func result(severity fnv1.Severity, reason, message string) *fnv1.Result {
	return &fnv1.Result{
		Severity: severity, Reason: &reason, Message: message,
		Target: fnv1.Target_TARGET_COMPOSITE_AND_CLAIM.Enum(),
	}
}

const testURL = "https://prow.ci.openshift.org/view/0b5d4f3e"

var (
	testDetails = map[string][]byte{"kubeconfig": []byte("kubeconfig-from-secret"), "kubeAdminPassword": []byte("secret")}

	provisioning = append(reports("Provisioning", testURL),
		cond("ProwJobCreating", statusFalse, "ProwJob has been properly created", ""),
		cond("ClusterReady", statusFalse, "SecretsFetchFailure", "ci-operator NS not found"),
		cond("Accepted", statusTrue, "Accepted", ""),
		cond("CredentialsPublished", statusFalse, "Pending", ""),
	)

	pending = append(reports("Ready", testURL),
		cond("ProwJobCreating", statusFalse, "ProwJob has been properly created", ""),
		cond("ClusterReady", statusTrue, "ClusterReady", ""),
		cond("Accepted", statusTrue, "Accepted", ""),
		cond("CredentialsPublished", statusFalse, "Pending", ""),
	)

	ready = append(reports("Ready", testURL),
		cond("ProwJobCreating", statusFalse, "ProwJob has been properly created", ""),
		cond("ClusterReady", statusTrue, "ClusterReady", ""),
		cond("Accepted", statusTrue, "Accepted", ""),
		cond("CredentialsPublished", statusTrue, "Published", ""),
	)
)

// told returns a composite that already has the condition of a phase.
func told(xr *structpb.Struct, phase string) *structpb.Struct {
	return set(xr, []any{map[string]any{"type": "_EphemeralClusterPhase", "status": "True", "message": phase}}, "status", "conditions")
}
