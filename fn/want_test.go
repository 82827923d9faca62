package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
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

	// appCI is the condition AppCISynced: when left out, it is True where the status
	// says that app.ci has the cluster, and else Unknown.
	appCI *fnv1.Condition

	// message is the status's: when left out, it is what the conditions say.
	message string
}

// response returns the response to a request. What it requires depends on the request
// alone: the claim, and what there is of its Secret's name, until there is an Object.
func (w want) response(req *fnv1.RunFunctionRequest) *fnv1.RunFunctionResponse {
	rsp := &fnv1.RunFunctionResponse{
		Meta:       &fnv1.ResponseMeta{Tag: "tag", Ttl: durationpb.New(w.ttl)},
		Conditions: append(slices.Clone(w.conditions), w.appCISynced()),
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

	status := w.status
	if m := w.says(); m != "" {
		status = strings.TrimSuffix(cmp.Or(status, "{}"), "}") + ", message: " + strconv.Quote(m) + "}"
		status = strings.Replace(status, "{, ", "{", 1)
	}

	if status != "" {
		rsp.Desired.Composite.Resource = &structpb.Struct{Fields: map[string]*structpb.Value{
			"status": structpb.NewStructValue(fromYAML(status)),
		}}
	}

	if w.ec != nil {
		rsp.Desired.Resources["ec"] = &fnv1.Resource{Resource: w.ec, Ready: readyWord(w.ecReady)}
	}

	if w.credentials != nil {
		rsp.Desired.Resources["credentials"] = &fnv1.Resource{Resource: w.credentials, Ready: readyWord(w.credentialsReady)}
	}

	maps.Copy(rsp.GetDesired().GetResources(), w.extra)
	w.requirements(req, rsp)

	return rsp
}

func (w want) requirements(req *fnv1.RunFunctionRequest, rsp *fnv1.RunFunctionResponse) {
	xr, tenant := req.GetObserved().GetComposite().GetResource(), "tenant-a"
	if _, ok := req.GetObserved().GetResources()["ec"]; ok {
		return
	}

	secret := stringAt(xr, "spec", "writeConnectionSecretToRef", "name")

	if claim := stringAt(xr, "spec", "claimRef", "name"); claim != "" {
		rsp.Requirements.Resources["claim/"+claim] = &fnv1.ResourceSelector{
			ApiVersion: "ci.openshift.org/v1alpha1", Kind: "TestPlatformCluster", Namespace: &tenant,
			Match: &fnv1.ResourceSelector_MatchName{MatchName: claim},
		}

		return
	}

	if stringAt(xr, "metadata", "namespace") == "" {
		return
	}

	if secret = cmp.Or(secret, stringAt(xr, "metadata", "name")+"-kubeconfig"); !strings.Contains(secret, " ") {
		rsp.Requirements.Resources["connection-secret/"+secret] = &fnv1.ResourceSelector{
			ApiVersion: "v1", Kind: "Secret", Namespace: &tenant,
			Match: &fnv1.ResourceSelector_MatchName{MatchName: secret},
		}
	}
}

// says returns the message that the status has.
func (w want) says() string {
	if w.message != "" {
		return w.message
	}

	last := ""

	for _, c := range append(slices.Clone(w.conditions), w.appCISynced()) {
		switch {
		case c.GetType() == "Accepted" && c.GetStatus() != statusTrue:
			return c.GetMessage()
		case c.GetType() == "AppCISynced" && c.GetStatus() == statusFalse:
			return c.GetMessage()
		case c.GetType() == "ClusterReady" && c.GetStatus() != statusTrue:
			last = c.GetMessage()
		}
	}

	return last
}

func (w want) appCISynced() *fnv1.Condition {
	switch {
	case w.appCI != nil:
		return w.appCI
	case w.status != "":
		return cond("AppCISynced", statusTrue, "Synced", "")
	default:
		return cond("AppCISynced", statusUnknown, "Pending", "")
	}
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
