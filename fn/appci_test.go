package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVerdict(t *testing.T) {
	const (
		ec      = `ephemeralclusters.ci.openshift.io "a" `
		created = "create failed: cannot create object: cannot create object: "
		dryRun  = "observe failed: cannot get desired state: cannot dry run SSA: "
		got     = "observe failed: cannot get object: "
		builds  = "connect failed: cannot build kube client for provider config: cannot get REST config for provider: "
		api     = `Get "https://api.ci:6443/apis/ci.openshift.io/v1/namespaces/ephemeral-cluster/ephemeralclusters/a": `
	)

	type want struct{ reason, words string }

	cases := map[string]struct {
		reason  string
		message string
		want    want
	}{
		"Schema": {
			reason:  "What the schema is against will not be taken later.",
			message: created + `EphemeralCluster.ci.openshift.io "a" is invalid: spec.ciOperator.releases.latest.release.version: Required value`,
			want:    want{"Refused", `EphemeralCluster.ci.openshift.io "a" is invalid: spec.ciOperator.releases.latest.release.version: Required value`},
		},
		"SchemaOfTenant": {
			reason:  "A tenant's value does not decide what a message means.",
			message: dryRun + `EphemeralCluster.ci.openshift.io "a" is invalid: spec.x: Invalid value: "create failed: dial tcp 1.2.3.4:5: EOF": no`,
			want:    want{"Refused", `EphemeralCluster.ci.openshift.io "a" is invalid: spec.x: Invalid value: "create failed: dial tcp: EOF": no`},
		},
		"Policy": {
			reason:  "Nor will what a policy is against.",
			message: created + ec + `is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: not today`,
			want:    want{"Refused", ec + `is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: not today`},
		},
		"PolicyOfDeletion": {
			reason:  "A deletion is refused in the same way.",
			message: "delete failed: cannot delete object: " + ec + `is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: keep it`,
			want:    want{"Refused", ec + `is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: keep it`},
		},
		"Webhook": {
			reason:  "Nor what a webhook is against.",
			message: "update failed: cannot apply object: cannot create object: " + `admission webhook "w.example" denied the request: no`,
			want:    want{"Refused", `admission webhook "w.example" denied the request: no`},
		},
		"WebhookDown": {
			reason:  "A webhook that cannot be asked says nothing.",
			message: created + `Internal error occurred: failed calling webhook "w.example": failed to call webhook: Post "https://w.svc:443/?timeout=10s": dial tcp 10.0.0.1:443: connect: connection refused`,
			want:    want{"RefusedForNow", `Internal error occurred: failed calling webhook "w.example": failed to call webhook: Post "https://w.svc:443/?timeout=10s": dial tcp: connect: connection refused`},
		},
		"OlderCRD": {
			reason:  "A field that app.ci does not know yet is not dropped in silence.",
			message: dryRun + "failed to create typed patch object (ephemeral-cluster/a; ci.openshift.io/v1, Kind=EphemeralCluster): .spec.ciOperator.brandNew: field not declared in schema",
			want:    want{"Refused", "failed to create typed patch object (ephemeral-cluster/a; ci.openshift.io/v1, Kind=EphemeralCluster): .spec.ciOperator.brandNew: field not declared in schema"},
		},
		"Quota": {
			reason:  "A quota may have room later.",
			message: created + ec + "is forbidden: exceeded quota: q, requested: count/ephemeralclusters.ci.openshift.io=1, used: count/ephemeralclusters.ci.openshift.io=0, limited: count/ephemeralclusters.ci.openshift.io=0",
			want:    want{"RefusedForNow", ec + "is forbidden: exceeded quota: q, requested: count/ephemeralclusters.ci.openshift.io=1, used: count/ephemeralclusters.ci.openshift.io=0, limited: count/ephemeralclusters.ci.openshift.io=0"},
		},
		"Rights": {
			reason:  "Rights may be given.",
			message: got + ec + `is forbidden: User "system:serviceaccount:ephemeral-cluster:konflux-staging" cannot get resource "ephemeralclusters" in API group "ci.openshift.io" in the namespace "ephemeral-cluster"`,
			want:    want{"RefusedForNow", ec + `is forbidden: User "system:serviceaccount:ephemeral-cluster:konflux-staging" cannot get resource "ephemeralclusters" in API group "ci.openshift.io" in the namespace "ephemeral-cluster"`},
		},
		"Terminating": {
			reason:  "A namespace may come back.",
			message: created + ec + "is forbidden: unable to create new content in namespace ephemeral-cluster because it is being terminated",
			want:    want{"RefusedForNow", ec + "is forbidden: unable to create new content in namespace ephemeral-cluster because it is being terminated"},
		},
		"NoNamespace": {
			reason:  "Or be made.",
			message: created + `namespaces "ephemeral-cluster" not found`,
			want:    want{"RefusedForNow", `namespaces "ephemeral-cluster" not found`},
		},
		"NoCRD": {
			reason:  "So may a CRD.",
			message: got + `no matches for kind "EphemeralCluster" in version "ci.openshift.io/v1"`,
			want:    want{"RefusedForNow", `no matches for kind "EphemeralCluster" in version "ci.openshift.io/v1"`},
		},
		"Expired": {
			reason:  "A credential that is not taken is an outage.",
			message: got + "the server has asked for the client to provide credentials",
			want:    want{"Unreachable", "the server has asked for the client to provide credentials"},
		},
		"Unauthorized": {
			reason:  "However that is said.",
			message: got + "Unauthorized",
			want:    want{"Unreachable", "Unauthorized"},
		},
		"Network": {
			reason:  "Addresses change from one attempt to the next.",
			message: got + api + "dial tcp 10.0.0.7:6443: connect: connection refused",
			want:    want{"Unreachable", api + "dial tcp: connect: connection refused"},
		},
		"NetworkBroken": {
			reason:  "And so do ports.",
			message: got + api + "read tcp 10.128.0.5:53422->10.0.0.7:6443: read: connection reset by peer",
			want:    want{"Unreachable", api + "read tcp: read: connection reset by peer"},
		},
		"DNS": {
			reason:  "And resolvers.",
			message: got + api + "dial tcp: lookup api.ci on 172.30.0.10:53: no such host",
			want:    want{"Unreachable", api + "dial tcp: lookup api.ci: no such host"},
		},
		"Discovery": {
			reason:  "The provider asks for APIs first.",
			message: got + `failed to get API group resources: unable to retrieve the complete list of server APIs: ci.openshift.io/v1: Get "https://api.ci:6443/apis/ci.openshift.io/v1": EOF`,
			want:    want{"Unreachable", `failed to get API group resources: unable to retrieve the complete list of server APIs: ci.openshift.io/v1: Get "https://api.ci:6443/apis/ci.openshift.io/v1": EOF`},
		},
		"Certificate": {
			reason:  "The time is another one each time.",
			message: got + api + "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-28T22:09:08Z is after 2026-11-01T00:00:00Z",
			want:    want{"Unreachable", api + "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: the current time is after 2026-11-01T00:00:00Z"},
		},
		"NoCredential": {
			reason:  "A Secret that is missing is named.",
			message: builds + `cannot get credentials: cannot get credentials secret: Secret "testplatform-appci-cluster" not found`,
			want:    want{"Unreachable", `Secret "testplatform-appci-cluster" not found`},
		},
		"BrokenCredential": {
			reason:  "What cannot be read is not quoted.",
			message: builds + "failed to load kubeconfig: yaml: unmarshal errors: cannot unmarshal !!str `" + canary + "` into v1.Config",
			want:    want{"Unreachable", "the kubeconfig of app.ci cannot be used"},
		},
		"NoProviderConfig": {
			reason:  "Nor can app.ci be asked without a ProviderConfig.",
			message: `connect failed: cannot get provider config: ProviderConfig.kubernetes.crossplane.io "p" not found`,
			want:    want{"Unreachable", `cannot get provider config: ProviderConfig.kubernetes.crossplane.io "p" not found`},
		},
		"AnythingElse": {
			reason:  "What is not known may heal.",
			message: "update failed: cannot apply object: cannot create object: no idea",
			want:    want{"RefusedForNow", "no idea"},
		},
		"Long": {
			reason:  "A message has an end.",
			message: created + strings.Repeat("ä", 8<<10),
			want:    want{"RefusedForNow", strings.Repeat("ä", 4<<10) + "…"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got want

			got.reason, got.words = verdict(tc.message)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\nverdict(...): -want, +got:\n%s", tc.reason, diff)
			}

			again := words(got.words)
			if diff := cmp.Diff(got.words, again); diff != "" && name != "Long" {
				t.Errorf("%s\nWords must stay as they are: -once, +twice:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAppCICondition(t *testing.T) {
	ec, cred := writing(fromYAML(testEC)), fromYAML(testCredentials)

	cases := map[string]struct {
		reason string
		c      call
		want   string
	}{
		"NotAsked": {
			reason: "Nobody knows before app.ci was asked.",
			want:   "Unknown Pending ",
		},
		"Asked": {
			reason: "That there is nothing of a name is an answer, and nothing is there yet.",
			c:      call{ec: observedEC{object: notOnAppCI(ec), observeOnly: true}},
			want:   "Unknown Pending ",
		},
		"Found": {
			reason: "Nor is anything of ours while an Object only looks.",
			c:      call{ec: observedEC{object: onAppCI(ec, ""), observeOnly: true}},
			want:   "Unknown Pending ",
		},
		"Synced": {
			reason: "All is well.",
			c:      call{ec: observedEC{object: onAppCI(ec, "")}},
			want:   "True Synced ",
		},
		"UnreachableWhileAsking": {
			reason: "An outage is told while the name is being asked for.",
			c:      call{ownership: ownershipAsked, ec: observedEC{object: refused(ec, "observe failed: cannot get object: Unauthorized"), observeOnly: true}},
			want:   "False Unreachable Unauthorized",
		},
		"Paused": {
			reason: "A pause is no failure.",
			c:      call{ec: observedEC{object: set(ec, []any{map[string]any{"type": "Synced", "status": "False", "reason": "ReconcilePaused"}}, "status", "conditions")}},
			want:   "Unknown Pending ",
		},
		"Foreign": {
			reason: "What is another's is none of a tenant's business.",
			c:      call{ownership: ownershipForeign, ec: observedEC{object: refused(ec, "update failed: no")}},
			want:   "Unknown Pending ",
		},
		"CredentialsRefused": {
			reason: "The credentials may be refused alone.",
			c: call{
				ec:          observedEC{object: onAppCI(ec, "")},
				credentials: observedCredentials{object: refused(cred, `observe failed: cannot get object: secrets "s" is forbidden: User "u" cannot get resource "secrets"`)},
			},
			want: `False RefusedForNow secrets "s" is forbidden: User "u" cannot get resource "secrets"`,
		},
		"CredentialsNotThere": {
			reason: "That they are gone, or not whole yet, is no refusal.",
			c: call{
				ec:          observedEC{object: onAppCI(ec, "")},
				credentials: observedCredentials{object: refused(cred, "observe failed: cannot get connection details: cannot get value at fieldPath: data.kubeconfig: no such field")},
			},
			want: "True Synced ",
		},
		"SecretTaken": {
			reason: "Nor is it that of a Secret here.",
			c: call{
				ec:          observedEC{object: onAppCI(ec, "")},
				credentials: observedCredentials{object: refused(cred, `cannot create or update connection secret: existing secret is not controlled by UID "u"`)},
			},
			want: "True Synced ",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := appCICondition(tc.c)

			status := map[any]string{statusTrue: "True", statusFalse: "False", statusUnknown: "Unknown"}[c.status]
			if diff := cmp.Diff(tc.want, status+" "+c.reason+" "+c.message); diff != "" {
				t.Errorf("%s\nappCICondition(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
