package main

import (
	"testing"
	"time"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestRunFunctionClaim(t *testing.T) {
	xr := fromYAML(testXR)
	ec := fromYAML(testEC)
	cred := fromYAML(testCredentials)
	details := testDetails

	statusBefore := "{phase: Provisioning, prowJobId: 0b5d4f3e, prowJobURL: " + testURL + "}"
	statusReady := "{phase: Ready, prowJobId: 0b5d4f3e, prowJobURL: " + testURL + ", secretRef: cluster-abcde-credentials}"
	noCluster := `EnvironmentConfig "envcfg" does not exist, or has no data.clusterName`
	notOurs := `EphemeralCluster "cluster-abcde" was not made for this request: it is only observed, and its credentials are not passed on`

	noSecret := "spec.writeConnectionSecretToRef.name: Required value: names the Secret that the credentials are written to"
	emptyVersion := "spec.ciOperator.releases.latest.release.version: Required value"
	exceeded := `ephemeralclusters.ci.openshift.io "cluster-abcde" is forbidden: exceeded quota: q, requested: count/ephemeralclusters.ci.openshift.io=1, used: count/ephemeralclusters.ci.openshift.io=0, limited: count/ephemeralclusters.ci.openshift.io=0`
	denied := `ephemeralclusters.ci.openshift.io "cluster-abcde" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: not today`

	foreign := func(key string) *structpb.Struct {
		return set(onAppCI(ec, testStatusReady), "another", "status", "atProvider", "manifest", "metadata", "annotations", "ephemeralcluster.ci.openshift.io/"+key)
	}

	wantForeign := want{
		ttl: time.Minute,
		conditions: append(reports("", ""),
			cond("ClusterReady", statusFalse, "NotOurs", notOurs),
			cond("Accepted", statusFalse, "NotOurs", notOurs),
			cond("CredentialsPublished", statusFalse, "NotOurs", notOurs),
		),
		results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", notOurs)},
		ec:      ec,
	}

	wantForeignKept := wantForeign
	wantForeignKept.credentials = cred
	wantForeignKept.credentialsReady = true
	wantForeignKept.details = map[string][]byte{"kubeconfig": nil, "kubeAdminPassword": nil}

	cases := map[string]struct {
		reason string
		req    *fnv1.RunFunctionRequest
		want   want
	}{
		"New": {
			reason: "The Object of a new claim may only look, and every client's condition is there.",
			req:    requestOf(xr),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusUnknown, "CheckingName", `asking app.ci for an EphemeralCluster "cluster-abcde", which must not exist`),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				ec: ec,
			},
		},
		"Asked": {
			reason: "As long as app.ci has not answered, the Object may only look.",
			req:    requestOf(xr, withObserved("ec", ec)),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusUnknown, "CheckingName", `asking app.ci for an EphemeralCluster "cluster-abcde", which must not exist`),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				ec: ec,
			},
		},
		"NameIsFree": {
			reason: "Once app.ci is known to have nothing of that name, the Object may create it.",
			req:    requestOf(xr, withObserved("ec", notOnAppCI(ec))),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusTrue, "Accepted", ""),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				ec: writing(ec),
			},
		},
		"Provisioning": {
			reason: "Progress is reported word for word, with one event for the new phase.",
			req:    requestOf(xr, withObserved("ec", onAppCI(writing(ec), testStatusProvisioning))),
			want: want{
				ttl:        time.Minute,
				conditions: provisioning,
				results:    []*fnv1.Result{result(fnv1.Severity_SEVERITY_NORMAL, "EphemeralClusterPhase", "the ephemeral cluster is Provisioning")},
				status:     statusBefore,
				ec:         writing(ec),
			},
		},
		"ProvisioningAgain": {
			reason: "A phase that was told before is no event.",
			req:    requestOf(told(xr, "Provisioning"), withObserved("ec", onAppCI(writing(ec), testStatusProvisioning))),
			want:   want{ttl: time.Minute, conditions: provisioning, status: statusBefore, ec: writing(ec)},
		},
		"SecretKnown": {
			reason: "The credentials Object is composed once the Secret is known, and the composite is not ready before they are published.",
			req:    requestOf(told(xr, "Ready"), withObserved("ec", onAppCI(writing(ec), testStatusReady))),
			want: want{
				ttl: 10 * time.Second, conditions: pending, status: statusReady,
				ec: writing(ec), ecReady: true, credentials: cred,
			},
		},
		"NoSecretName": {
			reason: "A claim that names no Secret gets no credentials, and so no cluster.",
			req:    requestOf(xr, withAnswer("claim/cluster", "{metadata: {uid: u}, spec: {}}")),
			want: want{
				ttl: 10 * time.Second,
				conditions: append(reports("", ""),
					cond("Accepted", statusFalse, "InvalidRequest", noSecret),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", noSecret)},
			},
		},
		"EmptyRequired": {
			reason: "What app.ci would refuse is refused in its words, before anything is created.",
			req:    requestOf(set(xr, "", "spec", "ciOperator", "releases", "latest", "release", "version")),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusFalse, "InvalidRequest", emptyVersion),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", emptyVersion)},
			},
		},
		"InvalidWhileAsking": {
			reason: "A claim that becomes impossible before anything was created gets nothing created.",
			req:    requestOf(set(xr, "", "spec", "ciOperator", "releases", "latest", "release", "version"), withObserved("ec", notOnAppCI(ec))),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusFalse, "InvalidRequest", emptyVersion),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", emptyVersion)},
				ec:      ec,
			},
		},
		"MadeAgain": {
			reason: "What was said of an EphemeralCluster that is gone is not said of the next one.",
			req: requestOf(set(xr, []any{map[string]any{"type": "ClusterReady", "status": "True"}}, "status", "conditions"),
				withObserved("ec", onAppCI(writing(ec), ""))),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("ClusterReady", statusUnknown, "NotReported", ""),
					cond("Accepted", statusTrue, "Accepted", ""),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				ec: writing(ec), appCI: cond("AppCISynced", statusTrue, "Synced", ""),
			},
		},
		"Refused": {
			reason: "A refusal is told word for word.",
			req:    requestOf(xr, withObserved("ec", refused(writing(ec), "create failed: cannot create object: cannot create object: "+exceeded))),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusTrue, "Accepted", ""),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				ec: writing(ec), appCI: cond("AppCISynced", statusFalse, "RefusedForNow", exceeded),
			},
		},
		"RefusedLive": {
			reason: "So is that of a change, and the cluster is what it was.",
			req: requestOf(told(xr, "Ready"), withObserved("ec", refused(onAppCI(writing(ec), testStatusReady), "observe failed: cannot get desired state: cannot dry run SSA: "+denied)),
				withObserved("credentials", cred), withDetails(details)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady, details: details, ready: true,
				ec: writing(ec), ecReady: true, credentials: cred, credentialsReady: true,
				appCI: cond("AppCISynced", statusFalse, "Refused", denied),
			},
		},
		"Ready": {
			reason: "The credentials are the composite's connection details.",
			req: requestOf(told(xr, "Ready"),
				withObserved("ec", onAppCI(writing(ec), testStatusReady)),
				withObserved("credentials", cred), withDetails(details)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady, details: details, ready: true,
				ec: writing(ec), ecReady: true, credentials: cred, credentialsReady: true,
			},
		},
		"KubeconfigInStatus": {
			reason: "The earlier form comes straight from the observed EphemeralCluster.",
			req: requestOf(told(xr, "Ready"), withObserved("ec", set(set(onAppCI(writing(ec), testStatusReady),
				nil, "status", "atProvider", "manifest", "status", "secretRef"),
				"kubeconfig-from-status", "status", "atProvider", "manifest", "status", "kubeconfig"))),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, ready: true,
				status:  "{phase: Ready, prowJobId: 0b5d4f3e, prowJobURL: " + testURL + "}",
				details: map[string][]byte{"kubeconfig": []byte("kubeconfig-from-status"), "kubeAdminPassword": {}},
				ec:      writing(ec), ecReady: true,
			},
		},
		"SecretWins": {
			reason: "The Secret counts when both forms are there.",
			req: requestOf(told(xr, "Ready"),
				withObserved("ec", set(onAppCI(writing(ec), testStatusReady), "kubeconfig-from-status", "status", "atProvider", "manifest", "status", "kubeconfig")),
				withObserved("credentials", cred), withDetails(details)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady, details: details, ready: true,
				ec: writing(ec), ecReady: true, credentials: cred, credentialsReady: true,
			},
		},
		"NoEnvironmentNew": {
			reason: "Without the Konflux cluster's name nothing is created, and the claim says why.",
			req:    requestOf(xr, withoutEnvironment()),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusFalse, "EnvironmentUnknown", noCluster),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", noCluster)},
			},
		},
		"NoEnvironmentLive": {
			reason: "A live cluster outlasts the EnvironmentConfig, with what it was made with.",
			req: requestOf(told(xr, "Ready"), withoutEnvironment(),
				withObserved("ec", onAppCI(writing(ec), testStatusReady)),
				withObserved("credentials", cred), withDetails(details)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady, details: details, ready: true,
				ec: writing(ec), ecReady: true, credentials: cred, credentialsReady: true,
			},
		},
		"EmptiedStatusLive": {
			reason: "A live cluster and its credentials outlast the loss of its status and annotations.",
			req: requestOf(told(xr, "Ready"), withPublished(details),
				withObserved("ec", set(set(onAppCI(writing(ec), ""), nil, "status", "atProvider", "manifest", "metadata", "annotations"), "garbage", "status", "atProvider", "manifest", "status")),
				withObserved("credentials", cred)),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusTrue, "Accepted", ""),
					cond("CredentialsPublished", statusTrue, "Published", ""),
				),
				status: "{secretRef: cluster-abcde-credentials}", details: details,
				ec: writing(ec), credentials: cred,
			},
		},
		"ForeignTenant": {
			reason: "Another tenant's EphemeralCluster is only observed, and nothing of it is told.",
			req:    requestOf(xr, withObserved("ec", foreign("konflux-tenant"))),
			want:   wantForeign,
		},
		"ForeignCluster": {
			reason: "So is another Konflux cluster's.",
			req:    requestOf(xr, withObserved("ec", foreign("konflux-cluster"))),
			want:   wantForeign,
		},
		"ForeignUnmarked": {
			reason: "So is one that an Object which never wrote has found without annotations.",
			req:    requestOf(xr, withObserved("ec", set(onAppCI(ec, testStatusReady), nil, "status", "atProvider", "manifest", "metadata", "annotations"))),
			want:   wantForeign,
		},
		"ForeignSinceReady": {
			reason: "What turned out to be another's is not deleted, but what was published of it is emptied.",
			req: requestOf(xr, withPublished(details),
				withObserved("ec", writing(foreign("konflux-cluster"))),
				withObserved("credentials", cred), withDetails(details)),
			want: wantForeignKept,
		},
		"BothProfileAndClaim": {
			reason: "A request that is not a possible one creates nothing, and says why.",
			req:    requestOf(set(xr, fromYAML("{cloud: aws, owner: openshift-ci, version: '4.20'}"), "spec", "ciOperator", "test", "clusterClaim")),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusFalse, "InvalidRequest", "spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has both"),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", "spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has both")},
			},
		},
		"TamperedLive": {
			reason: "An impossible change of a live cluster's spec changes nothing, but tear-down still passes.",
			req: requestOf(told(set(set(xr, nil, "spec", "ciOperator", "test", "clusterProfile"), true, "spec", "tearDownCluster"), "Ready"),
				withObserved("ec", onAppCI(writing(ec), testStatusReady)),
				withObserved("credentials", cred), withDetails(details)),
			want: want{
				ttl: 5 * time.Minute, status: statusReady, details: details, ready: true,
				conditions: append(ready[:4:4],
					cond("Accepted", statusFalse, "InvalidRequest", "spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has neither"),
					cond("CredentialsPublished", statusTrue, "Published", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", "spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has neither")},
				ec:      set(writing(ec), true, "spec", "forProvider", "manifest", "spec", "tearDownCluster"), ecReady: true,
				credentials: cred, credentialsReady: true,
			},
		},
		"NoClaim": {
			reason: "Without a claim there is no tenant to act for.",
			req:    requestOf(set(xr, nil, "spec", "claimRef")),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusFalse, "TenantUnknown", "cannot tell whose request this is: make a claim"),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", "cannot tell whose request this is: make a claim")},
			},
		},
		"BadRunName": {
			reason: "A run name that is not a name is not passed on, and the claim says so.",
			req: requestOf(set(xr, "Not A Name", "metadata", "annotations", "ephemeralcluster.ci.openshift.io/task-run-name"),
				withObserved("ec", notOnAppCI(ec))),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusTrue, "AnnotationsIgnored", "not a name, and not passed on: ephemeralcluster.ci.openshift.io/task-run-name"),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				ec: set(writing(ec), nil, "spec", "forProvider", "manifest", "metadata", "annotations", "ephemeralcluster.ci.openshift.io/task-run-name"),
			},
		},
		"Input": {
			reason: "The input's names are used.",
			req: requestOf(told(xr, "Ready"),
				withInput("{apiVersion: testplatform.fn.crossplane.io/v1beta1, kind: Config, providerConfigName: other, connectionSecretNamespace: elsewhere}"),
				withObserved("ec", onAppCI(writing(ec), testStatusReady)),
				withObserved("credentials", cred), withDetails(details)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady, details: details, ready: true,
				ec: set(writing(ec), "other", "spec", "providerConfigRef", "name"), ecReady: true,
				credentials:      set(set(cred, "other", "spec", "providerConfigRef", "name"), "elsewhere", "spec", "writeConnectionSecretToRef", "namespace"),
				credentialsReady: true,
			},
		},
		"OtherStepsKept": {
			reason: "What an earlier step desires is passed on.",
			req: requestOf(xr, func(req *fnv1.RunFunctionRequest) {
				req.Desired = &fnv1.State{Resources: map[string]*fnv1.Resource{"other": {Resource: fromYAML("{kind: Other}")}}}
			}, withoutEnvironment()),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("Accepted", statusFalse, "EnvironmentUnknown", noCluster),
					cond("CredentialsPublished", statusFalse, "Pending", ""),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", noCluster)},
				extra:   map[string]*fnv1.Resource{"other": {Resource: fromYAML("{kind: Other}")}},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := run(t, tc.req)
			if diff := cmp.Diff(tc.want.response(tc.req), got, protocmp.Transform()); diff != "" {
				t.Errorf("%s\nRunFunction(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRunFunctionBadInput(t *testing.T) {
	bad := withInput("{apiVersion: testplatform.fn.crossplane.io/v1beta1, kind: Config, providerConfig: misspelt}")
	ec, cred := writing(fromYAML(testEC)), fromYAML(testCredentials)

	t.Run("New", func(t *testing.T) {
		rsp := run(t, requestOf(fromYAML(testXR), bad))

		if len(rsp.GetResults()) != 1 || rsp.GetResults()[0].GetSeverity() != fnv1.Severity_SEVERITY_FATAL {
			t.Errorf("A new claim cannot be made with a broken input, want one fatal result, got: %v", rsp.GetResults())
		}

		if len(rsp.GetConditions()) != 5 {
			t.Errorf("Conditions must be set before a fatal result, got: %v", rsp.GetConditions())
		}
	})

	t.Run("Live", func(t *testing.T) {
		ec := set(ec, "other", "spec", "providerConfigRef", "name")
		cred := set(set(cred, "other", "spec", "providerConfigRef", "name"), "elsewhere", "spec", "writeConnectionSecretToRef", "namespace")
		rsp := run(t, requestOf(fromYAML(testXR), bad, withObserved("ec", onAppCI(ec, testStatusReady)), withObserved("credentials", cred)))

		want := map[string]*fnv1.Resource{
			"ec":          {Resource: ec, Ready: fnv1.Ready_READY_TRUE},
			"credentials": {Resource: cred, Ready: fnv1.Ready_READY_FALSE},
		}
		if diff := cmp.Diff(want, rsp.GetDesired().GetResources(), protocmp.Transform()); diff != "" {
			t.Errorf("A live cluster outlasts a broken input as it was made.\nRunFunction(...): -want, +got:\n%s", diff)
		}
	})
}
