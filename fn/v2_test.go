package main

import (
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

// namespacedObject is the namespaced form of an Object.
func namespacedObject(in *structpb.Struct) *structpb.Struct {
	const external = "cluster-" + testUID

	out := set(set(in, "kubernetes.m.crossplane.io/v1alpha1", "apiVersion"), "tenant-a", "metadata", "namespace")
	out = set(out, "ClusterProviderConfig", "spec", "providerConfigRef", "kind")

	if stringAt(in, "metadata", "name") == "managed-cluster-abcde" {
		out = set(out, external, "spec", "forProvider", "manifest", "metadata", "name")

		return set(out, "managed-"+external, "metadata", "name")
	}

	out = set(out, "credentials-"+external, "metadata", "name")

	return set(out, fromYAML("{name: credentials-"+external+"}"), "spec", "writeConnectionSecretToRef")
}

func withSecretAnswer(name string, found *structpb.Struct) mod {
	return func(req *fnv1.RunFunctionRequest) {
		answer := &fnv1.Resources{}
		if found != nil {
			answer.Items = []*fnv1.Resource{{Resource: found}}
		}

		req.RequiredResources["connection-secret/"+name] = answer
	}
}

// v2Response is a response that may also ask for the Secret, and desire it.
func (w want) v2Response(asksFor string, secret *structpb.Struct, secretReady bool) *fnv1.RunFunctionResponse {
	rsp := w.response()

	if asksFor != "" {
		namespace := "tenant-a"
		rsp.Requirements.Resources["connection-secret/"+asksFor] = &fnv1.ResourceSelector{
			ApiVersion: "v1", Kind: "Secret", Namespace: &namespace,
			Match: &fnv1.ResourceSelector_MatchName{MatchName: asksFor},
		}
	}

	if secret != nil {
		rsp.Desired.Resources["connection-secret"] = &fnv1.Resource{Resource: secret, Ready: readyWord(secretReady)}
	}

	return rsp
}

func TestRunFunctionNamespaced(t *testing.T) {
	xr := namespacedXR()
	ec := writing(namespacedObject(fromYAML(testEC)))
	cred := namespacedObject(fromYAML(testCredentials))

	secret := fromYAML(`
apiVersion: v1
kind: Secret
metadata: {name: cluster-kubeconfig, namespace: tenant-a}
type: connection.crossplane.io/v1alpha1
data: {kubeconfig: a3ViZWNvbmZpZy1mcm9tLXNlY3JldA==, kubeAdminPassword: c2VjcmV0}
`)
	emptied := set(secret, fromYAML(`{kubeconfig: "", kubeAdminPassword: ""}`), "data")

	statusReady := "{phase: Ready, prowJobId: 0b5d4f3e, prowJobURL: " + testURL
	notOurSecret := `Secret "cluster-kubeconfig" was not made for this request and is left as it is: set another spec.writeConnectionSecretToRef.name`
	notOurs := `EphemeralCluster "cluster-` + testUID + `" was not made for this request: it is only observed, and its credentials are not passed on`

	foreign := set(onAppCI(ec, testStatusReady), "another", "status", "atProvider", "manifest", "metadata", "annotations", "ephemeralcluster.ci.openshift.io/konflux-cluster")
	controlled := set(secret, []any{map[string]any{"controller": true, "uid": testUID}}, "metadata", "ownerReferences")

	live := func(mods ...mod) []mod {
		return append([]mod{
			withObserved("ec", onAppCI(ec, testStatusReady)),
			withObserved("credentials", cred), withDetails(testDetails),
		}, mods...)
	}

	cases := map[string]struct {
		reason      string
		req         *fnv1.RunFunctionRequest
		want        want
		asksFor     string
		secret      *structpb.Struct
		secretReady bool
	}{
		"New": {
			reason: "A name with the composite's UID in it is free, and the Secret's name is asked for.",
			req:    requestOf(xr),
			want: want{
				ttl: time.Minute, ec: ec,
				conditions: append(reports("", ""), cond("Accepted", statusTrue, "Accepted", ""), cond("CredentialsPublished", statusFalse, "Pending", "")),
			},
			asksFor: "cluster-kubeconfig",
		},
		"NotAskedYet": {
			reason: "No Secret is written before it is known that there is none.",
			req:    requestOf(told(xr, "Ready"), live()...),
			want: want{
				ttl: time.Minute, conditions: pending, status: statusReady + "}",
				ec: ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
			asksFor: "cluster-kubeconfig",
		},
		"Ready": {
			reason: "The credentials are in the tenant's Secret, and nowhere else.",
			req:    requestOf(told(xr, "Ready"), live(withSecretAnswer("cluster-kubeconfig", nil))...),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: cluster-kubeconfig}", ready: true,
				ec: ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
			asksFor: "cluster-kubeconfig", secret: secret, secretReady: true,
		},
		"ReadyAgain": {
			reason: "A Secret that was composed is not asked for any more, whatever the spec calls it now.",
			req:    requestOf(set(told(xr, "Ready"), "other", "spec", "writeConnectionSecretToRef", "name"), live(withObserved("connection-secret", secret))...),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: cluster-kubeconfig}", ready: true,
				ec: ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
			secret: secret, secretReady: true,
		},
		"Named": {
			reason: "The tenant may name the Secret.",
			req:    requestOf(set(told(xr, "Ready"), "mine", "spec", "writeConnectionSecretToRef", "name"), live(withSecretAnswer("mine", nil))...),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: mine}", ready: true,
				ec: ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
			asksFor: "mine", secret: set(secret, "mine", "metadata", "name"), secretReady: true,
		},
		"AnswerForAnotherName": {
			reason: "An answer is good for the name that was asked for only.",
			req:    requestOf(set(told(xr, "Ready"), "mine", "spec", "writeConnectionSecretToRef", "name"), live(withSecretAnswer("cluster-kubeconfig", nil))...),
			want: want{
				ttl: time.Minute, conditions: pending, status: statusReady + "}",
				ec: ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
			asksFor: "mine",
		},
		"SecretIsAnothers": {
			reason: "An existing Secret is left alone, and the composite says so.",
			req:    requestOf(told(xr, "Ready"), live(withSecretAnswer("cluster-kubeconfig", secret))...),
			want: want{
				ttl: time.Minute, status: statusReady + "}",
				conditions: append(ready[:5:5], cond("CredentialsPublished", statusFalse, "NotOurs", notOurSecret)),
				ec:         ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
			asksFor: "cluster-kubeconfig",
		},
		"SecretIsOurs": {
			reason: "A Secret that the composite controls is written, even if it was lost sight of.",
			req:    requestOf(told(xr, "Ready"), live(withSecretAnswer("cluster-kubeconfig", controlled))...),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: cluster-kubeconfig}", ready: true,
				ec: ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
			asksFor: "cluster-kubeconfig", secret: secret, secretReady: true,
		},
		"SecretNameInvalid": {
			reason: "What is not a name is not asked for.",
			req:    requestOf(set(told(xr, "Ready"), "Not A Name", "spec", "writeConnectionSecretToRef", "name"), live()...),
			want: want{
				ttl: time.Minute, status: statusReady + "}",
				conditions: append(ready[:5:5], cond("CredentialsPublished", statusFalse, "InvalidSecretName", `"Not A Name" is not a name for a Secret: set spec.writeConnectionSecretToRef.name`)),
				ec:         ec, ecReady: true, credentials: cred, credentialsReady: true,
			},
		},
		"CredentialsLost": {
			reason: "The Secret keeps what it has while there is nothing newer.",
			req:    requestOf(told(xr, "Ready"), withObserved("ec", onAppCI(ec, testStatusReady)), withObserved("credentials", cred), withObserved("connection-secret", secret)),
			want: want{
				ttl: 5 * time.Minute, conditions: ready, status: statusReady + ", secretRef: cluster-kubeconfig}", ready: true,
				ec: ec, ecReady: true, credentials: cred,
			},
			secret: secret, secretReady: true,
		},
		"KubeconfigInStatus": {
			reason: "The earlier form is not one of a namespaced composite's.",
			req: requestOf(told(xr, "Ready"), withSecretAnswer("cluster-kubeconfig", nil), withObserved("ec", set(set(onAppCI(ec, testStatusReady),
				nil, "status", "atProvider", "manifest", "status", "secretRef"),
				"kubeconfig-from-status", "status", "atProvider", "manifest", "status", "kubeconfig"))),
			want: want{
				ttl: time.Minute, conditions: pending, status: statusReady + "}",
				ec: ec, ecReady: true,
			},
			asksFor: "cluster-kubeconfig",
		},
		"Foreign": {
			reason: "What turned out to be another's leaves the tenant's Secret empty, and there.",
			req: requestOf(xr, withObserved("ec", foreign), withObserved("credentials", cred), withDetails(testDetails),
				withObserved("connection-secret", secret)),
			want: want{
				ttl: time.Minute,
				conditions: append(reports("", ""),
					cond("ClusterReady", statusFalse, "NotOurs", notOurs),
					cond("Accepted", statusFalse, "NotOurs", notOurs),
					cond("CredentialsPublished", statusFalse, "NotOurs", notOurs),
				),
				results: []*fnv1.Result{result(fnv1.Severity_SEVERITY_WARNING, "NotAccepted", notOurs)},
				ec:      set(ec, []any{"Observe"}, "spec", "managementPolicies"), credentials: cred, credentialsReady: true,
			},
			secret: emptied,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := run(t, tc.req)
			if diff := cmp.Diff(tc.want.v2Response(tc.asksFor, tc.secret, tc.secretReady), got, protocmp.Transform()); diff != "" {
				t.Errorf("%s\nRunFunction(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
