package main

import (
	"strings"
	"testing"
	"time"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
)

const testUID = "6f2b7a0c-2d59-4d0c-9f6a-3c2d6f1e8a11"

// namespacedXR is the namespaced composite with the spec of the claim's.
func namespacedXR() *structpb.Struct {
	xr := set(set(fromYAML(testXR), nil, "spec", "claimRef"), "TestPlatformCluster", "kind")

	return set(set(xr, "cluster", "metadata", "name"), "tenant-a", "metadata", "namespace")
}

// namespacedEC is the namespaced form of the EphemeralCluster's Object.
func namespacedEC() *structpb.Struct {
	const external = "cluster-" + testUID

	out := inTenant(writing(fromYAML(testEC)))
	out = set(out, external, "spec", "forProvider", "manifest", "metadata", "name")

	return set(out, "managed-"+external, "metadata", "name")
}

// namespacedCredentials is the Object that writes to a Secret of the tenant's.
func namespacedCredentials(secret string) *structpb.Struct {
	out := set(inTenant(fromYAML(testCredentials)), fromYAML("{name: "+secret+"}"), "spec", "writeConnectionSecretToRef")
	suffix := strings.TrimPrefix(credentialsKey(secret), "credentials")

	return set(out, "credentials-cluster-"+testUID+suffix, "metadata", "name")
}

func inTenant(in *structpb.Struct) *structpb.Struct {
	out := set(set(in, "kubernetes.m.crossplane.io/v1alpha1", "apiVersion"), "tenant-a", "metadata", "namespace")

	return set(out, "ClusterProviderConfig", "spec", "providerConfigRef", "kind")
}

// wrote returns an observed Object that has done what it says.
func wrote(o *structpb.Struct) *structpb.Struct {
	return set(o, []any{map[string]any{"type": "Synced", "status": "True"}}, "status", "conditions")
}

// withCredentials has an Object with a name of composed resource, and what is in its
// Secret.
func withCredentials(key string, o *structpb.Struct, details map[string][]byte) mod {
	return func(req *fnv1.RunFunctionRequest) {
		req.Observed.Resources[key] = &fnv1.Resource{Resource: o, ConnectionDetails: details}
	}
}

func TestRunFunctionNamespaced(t *testing.T) {
	const external = "cluster-" + testUID

	xr, ec := namespacedXR(), namespacedEC()
	first, second := credentialsKey("cluster-kubeconfig"), credentialsKey("mine")
	cred, moved := namespacedCredentials("cluster-kubeconfig"), namespacedCredentials("mine")

	published := set(told(xr, "Ready"), "cluster-kubeconfig", "status", "secretRef")
	renamed := set(published, "mine", "spec", "writeConnectionSecretToRef", "name")
	former := set(set(cred, "credentials-"+external, "metadata", "name"), "credentials-"+external, "spec", "writeConnectionSecretToRef", "name")

	composed := fromYAML(`
apiVersion: v1
kind: Secret
metadata: {name: cluster-kubeconfig, namespace: tenant-a}
type: connection.crossplane.io/v1alpha1
data: {kubeconfig: a3ViZWNvbmZpZy1mcm9tLXNlY3JldA==, kubeAdminPassword: c2VjcmV0}
`)

	statusReady := "{phase: Ready, prowJobId: 0b5d4f3e, prowJobURL: " + testURL
	taken := func(name string) string {
		return `Secret "` + name + `" was not made for this request and is left as it is: set another spec.writeConnectionSecretToRef.name`
	}
	invalid := `"Not A Name" is not a name for a Secret: set spec.writeConnectionSecretToRef.name`
	notOurs := `EphemeralCluster "` + external + `" was not made for this request: it is only observed, and its credentials are not passed on`
	notControlled := `cannot create or update connection secret: existing secret is not controlled by UID "u"`
	down := "observe failed: cannot get object: Unauthorized"

	foreign := set(onAppCI(ec, testStatusReady), "another", "status", "atProvider", "manifest", "metadata", "annotations", "ephemeralcluster.ci.openshift.io/konflux-cluster")
	live := withObserved("ec", onAppCI(ec, testStatusReady))

	resource := func(o *structpb.Struct, ready bool) *fnv1.Resource {
		return &fnv1.Resource{Resource: o, Ready: readyWord(ready)}
	}

	cases := map[string]struct {
		reason string
		req    *fnv1.RunFunctionRequest
		want   want
	}{
		"New": {
			reason: "A name with the composite's UID in it is free, and the Secret's name is asked for.",
			req:    requestOf(xr),
			want: want{
				ttl: time.Minute, ec: ec,
				conditions: append(reports("", ""), cond("Accepted", statusTrue, "Accepted", ""), cond("CredentialsPublished", statusFalse, "Pending", "")),
			},
		},
		"SecretTaken": {
			reason: "A Secret that is another's is found before a cluster is made.",
			req:    requestOf(xr, withAnswer("connection-secret/cluster-kubeconfig", "{type: Opaque}")),
			want: want{
				ttl:        10 * time.Second,
				conditions: append(reports("", ""), cond("Accepted", statusFalse, "SecretTaken", taken("cluster-kubeconfig")), cond("CredentialsPublished", statusFalse, "Pending", "")),
				results:    []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", taken("cluster-kubeconfig"))},
			},
		},
		"SecretLeftOver": {
			reason: "The provider would take one that nobody has.",
			req:    requestOf(xr, withAnswer("connection-secret/cluster-kubeconfig", "{type: connection.crossplane.io/v1alpha1}")),
			want: want{
				ttl: time.Minute, ec: ec,
				conditions: append(reports("", ""), cond("Accepted", statusTrue, "Accepted", ""), cond("CredentialsPublished", statusFalse, "Pending", "")),
			},
		},
		"AnswerForAnotherName": {
			reason: "An answer is good for the name that was asked for only.",
			req:    requestOf(set(xr, "mine", "spec", "writeConnectionSecretToRef", "name"), withAnswer("connection-secret/cluster-kubeconfig", "{type: Opaque}")),
			want: want{
				ttl: time.Minute, ec: ec,
				conditions: append(reports("", ""), cond("Accepted", statusTrue, "Accepted", ""), cond("CredentialsPublished", statusFalse, "Pending", "")),
			},
		},
		"SecretNameInvalid": {
			reason: "What is not a name is not asked for.",
			req:    requestOf(set(xr, "Not A Name", "spec", "writeConnectionSecretToRef", "name")),
			want: want{
				ttl:        time.Minute,
				conditions: append(reports("", ""), cond("Accepted", statusFalse, "InvalidRequest", invalid), cond("CredentialsPublished", statusFalse, "InvalidSecretName", invalid)),
				results:    []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", invalid)},
			},
		},
		"SecretKnown": {
			reason: "The Object writes to the tenant's Secret.",
			req:    requestOf(told(xr, "Ready"), live),
			want: want{
				ttl: 10 * time.Second, conditions: pending, status: statusReady + "}", ec: ec, ecReady: true,
				extra: map[string]*fnv1.Resource{first: resource(cred, false)},
			},
		},
		"NotWritten": {
			reason: "What Crossplane reads of a Secret of that name may be the tenant's own.",
			req:    requestOf(told(xr, "Ready"), live, withCredentials(first, cred, testDetails)),
			want: want{
				ttl: 10 * time.Second, conditions: pending, status: statusReady + "}", ec: ec, ecReady: true,
				extra: map[string]*fnv1.Resource{first: resource(cred, false)},
			},
		},
		"Ready": {
			reason: "The credentials are in the tenant's Secret, and nowhere else.",
			req:    requestOf(told(xr, "Ready"), live, withCredentials(first, wrote(cred), testDetails)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: cluster-kubeconfig}", ready: true, ec: ec, ecReady: true,
				extra: map[string]*fnv1.Resource{first: resource(cred, true)},
			},
		},
		"Gone": {
			reason: "The Secret outlasts the one on app.ci.",
			req:    requestOf(published, live, withCredentials(first, notOnAppCI(cred), testDetails)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: cluster-kubeconfig}", ready: true, ec: ec, ecReady: true,
				extra: map[string]*fnv1.Resource{first: resource(cred, true)},
			},
		},
		"SecretIsAnothers": {
			reason: "A Secret that is another's is left alone, and the composite says so.",
			req:    requestOf(told(xr, "Ready"), live, withCredentials(first, refused(cred, notControlled), testDetails)),
			want: want{
				ttl: time.Minute, status: statusReady + "}", message: taken("cluster-kubeconfig"),
				conditions: append(ready[:5:5], cond("CredentialsPublished", statusFalse, "NotOurs", taken("cluster-kubeconfig"))),
				ec:         ec, ecReady: true,
				extra: map[string]*fnv1.Resource{first: resource(cred, false)},
			},
		},
		"Renamed": {
			reason: "The former Secret stays until there is one of the new name.",
			req:    requestOf(renamed, live, withCredentials(first, wrote(cred), testDetails)),
			want: want{
				ttl: 10 * time.Second, conditions: ready, status: statusReady + ", secretRef: cluster-kubeconfig}", ready: true, ec: ec, ecReady: true,
				extra: map[string]*fnv1.Resource{first: resource(cred, true), second: resource(moved, false)},
			},
		},
		"Moved": {
			reason: "And then goes, with its Object.",
			req:    requestOf(renamed, live, withCredentials(first, wrote(cred), testDetails), withCredentials(second, wrote(moved), testDetails)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: mine}", ready: true, ec: ec, ecReady: true,
				extra: map[string]*fnv1.Resource{second: resource(moved, true)},
			},
		},
		"RenamedToAnothers": {
			reason: "A name that is taken changes nothing, and the composite says so.",
			req:    requestOf(renamed, live, withCredentials(first, wrote(cred), testDetails), withCredentials(second, refused(moved, notControlled), nil)),
			want: want{
				ttl: 5 * time.Minute, status: statusReady + ", secretRef: cluster-kubeconfig}", message: taken("mine"), ready: true, ec: ec, ecReady: true,
				conditions: append(ready[:5:5], cond("CredentialsPublished", statusTrue, "Published", taken("mine"))),
				extra:      map[string]*fnv1.Resource{first: resource(cred, true), second: resource(moved, false)},
			},
		},
		"RenamedToNoName": {
			reason: "So does what is no name.",
			req:    requestOf(set(published, "Not A Name", "spec", "writeConnectionSecretToRef", "name"), live, withCredentials(first, wrote(cred), testDetails)),
			want: want{
				ttl: 5 * time.Minute, status: statusReady + ", secretRef: cluster-kubeconfig}", message: invalid, ready: true, ec: ec, ecReady: true,
				conditions: append(ready[:5:5], cond("CredentialsPublished", statusTrue, "Published", invalid)),
				extra:      map[string]*fnv1.Resource{first: resource(cred, true)},
			},
		},
		"Composed": {
			reason: "A Secret that an earlier function composed makes room for the provider's.",
			req: requestOf(published, live, withCredentials("credentials", wrote(former), testDetails),
				withObserved("connection-secret", composed)),
			want: want{
				ttl: 10 * time.Second, conditions: pending, status: statusReady + "}", ec: ec, ecReady: true,
				extra: map[string]*fnv1.Resource{first: resource(cred, false), "credentials": resource(former, true)},
			},
		},
		"ComposedInAnOutage": {
			reason: "But not while nothing can take its place.",
			req: requestOf(published, live, withCredentials("credentials", refused(former, down), testDetails),
				withCredentials(first, refused(cred, down), testDetails), withObserved("connection-secret", composed)),
			want: want{
				ttl: 10 * time.Second, status: statusReady + ", secretRef: cluster-kubeconfig}", conditions: ready, ready: true, ec: ec, ecReady: true,
				appCI: cond("AppCISynced", statusFalse, "Unreachable", "Unauthorized"),
				extra: map[string]*fnv1.Resource{
					first: resource(cred, false), "credentials": resource(former, true),
					"connection-secret": {Resource: composed, Ready: fnv1.Ready_READY_TRUE},
				},
			},
		},
		"KubeconfigInStatus": {
			reason: "The earlier form is not one of a namespaced composite's.",
			req: requestOf(told(xr, "Ready"), withObserved("ec", set(set(onAppCI(ec, testStatusReady),
				nil, "status", "atProvider", "manifest", "status", "secretRef"),
				"kubeconfig-from-status", "status", "atProvider", "manifest", "status", "kubeconfig"))),
			want: want{ttl: time.Minute, conditions: pending, status: statusReady + "}", ec: ec, ecReady: true},
		},
		"Foreign": {
			reason: "What turned out to be another's has no Object that would write it to a Secret here.",
			req: requestOf(xr, withObserved("ec", foreign), withCredentials(first, wrote(cred), testDetails),
				withObserved("connection-secret", composed)),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("ClusterReady", statusFalse, "NotOurs", notOurs),
					cond("Accepted", statusFalse, "NotOurs", notOurs),
					cond("CredentialsPublished", statusFalse, "NotOurs", notOurs),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", notOurs)},
				ec:      set(ec, []any{"Observe"}, "spec", "managementPolicies"),
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
