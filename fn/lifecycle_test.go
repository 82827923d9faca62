package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
)

var update = flag.Bool("update", false, "write the golden files")

const canary = "canary-kubeconfig"

// A step changes a world, and names what has happened.
type step struct {
	name string
	do   func(w *world)
}

// Steps of a life on app.ci; the EphemeralCluster's name is that of the fixtures
// unless the composite is a namespaced one.
func ecName(w *world) string { return compositeFrom(w.xr).externalName() }

func reported(name, status string) step {
	return step{name: name, do: func(w *world) { w.appCI.report(ecName(w), status) }}
}

func created() step { return step{name: "created", do: func(*world) {}} }

func provisioningStep() step { return reported("provisioning", testStatusProvisioning) }

func readyStep() step {
	return step{name: "ready", do: func(w *world) {
		secret := ecName(w) + "-credentials"
		w.appCI.report(ecName(w), strings.ReplaceAll(testStatusReady, "cluster-abcde-credentials", secret))
		w.appCI.secrets[secret] = map[string][]byte{"kubeconfig": []byte(canary), "kubeAdminPassword": {}}
	}}
}

// statusOnceReady is the status of a cluster that was ready, in a later phase.
func statusOnceReady(phase, more string) string {
	return strings.ReplaceAll(testStatusReady, "phase: Ready", "phase: "+phase) + more
}

func tearDownSteps() []step {
	return []step{
		{name: "tear down", do: func(w *world) { w.xr = set(w.xr, true, "spec", "tearDownCluster") }},
		reported("deprovisioning", statusOnceReady("Deprovisioning", `- {type: TestCompleted, status: "True", reason: TestCompleted}`)),
		reported("deprovisioned", statusOnceReady("Deprovisioned", `- {type: ProwJobCompleted, status: "True", reason: ProwJobCompleted, message: "prowjob state: success"}`)),
	}
}

func TestLifecycle(t *testing.T) {
	hive := set(fromYAML(testXR), fromYAML(`{workflow: generic-claim, clusterClaim: {cloud: aws, owner: openshift-ci, version: "4.20"}}`), "spec", "ciOperator", "test")

	cases := map[string]struct {
		reason string
		xr     *structpb.Struct
		steps  []step
	}{
		"claim": {
			reason: "The life of a claim.",
			xr:     fromYAML(testXR),
			steps:  append([]step{created(), provisioningStep(), readyStep()}, tearDownSteps()...),
		},
		"claim-hive": {
			reason: "The life of a claim on a Hive pool.",
			xr:     hive,
			steps:  append([]step{created(), provisioningStep(), readyStep()}, tearDownSteps()...),
		},
		"claim-denied": {
			reason: "A denial reaches the claim word for word.",
			xr:     fromYAML(testXR),
			steps: []step{created(), reported("denied", `
phase: Failed
conditions:
- {type: ProwJobCreating, status: "False", reason: EphemeralClusterValidationFailure, message: 'tenant "tenant-a" on cluster "stone-stg-rh01" may not use cluster profile "aws"'}
`)},
		},
		"claim-failed-provisioning": {
			reason: "A failure before the cluster is ready.",
			xr:     fromYAML(testXR),
			steps: []step{created(), provisioningStep(), reported("failed", strings.ReplaceAll(testStatusProvisioning, "phase: Provisioning", "phase: Failed")+
				`- {type: ProwJobCompleted, status: "True", reason: ProwJobFailure, message: "prowjob state: failure"}`)},
		},
		"claim-failed-ready": {
			reason: "A failure of a cluster that is ready takes nothing away.",
			xr:     fromYAML(testXR),
			steps: []step{created(), provisioningStep(), readyStep(), reported("failed", statusOnceReady("Failed",
				`- {type: ProwJobCompleted, status: "True", reason: ProwJobFailure, message: "prowjob state: aborted"}`))},
		},
		"claim-failed-deprovisioning": {
			reason: "A failure of the tear-down is told, and the credentials of what may still run stay.",
			xr:     fromYAML(testXR),
			steps: append(append([]step{created(), provisioningStep(), readyStep()}, tearDownSteps()[:2]...),
				reported("failed", statusOnceReady("Failed", `- {type: ProwJobCompleted, status: "True", reason: ProwJobFailure, message: "prowjob state: error"}`))),
		},
		"claim-credentials-late": {
			reason: "The credentials arrive after ClusterReady.",
			xr:     fromYAML(testXR),
			steps: []step{
				created(),
				reported("ready without a reference", strings.ReplaceAll(testStatusReady, "secretRef: cluster-abcde-credentials", "")),
				reported("ready without a Secret", testStatusReady),
				readyStep(),
			},
		},
		"claim-environment-lost": {
			reason: "A live cluster outlasts the EnvironmentConfig, a new one waits for it.",
			xr:     fromYAML(testXR),
			steps: []step{
				{name: "no EnvironmentConfig yet", do: func(w *world) { w.environment = false }},
				{name: "EnvironmentConfig", do: func(w *world) { w.environment = true }},
				readyStep(),
				{name: "EnvironmentConfig lost", do: func(w *world) { w.environment = false }},
			},
		},
		"claim-tampered": {
			reason: "What a tenant does to the composite costs only the tenant's own request.",
			xr:     fromYAML(testXR),
			steps: []step{
				created(), readyStep(),
				{name: "run name", do: func(w *world) {
					w.xr = set(w.xr, "../../etc", "metadata", "annotations", "ephemeralcluster.ci.openshift.io/pipeline-run-name")
				}},
				{name: "neither profile nor claim", do: func(w *world) { w.xr = set(w.xr, nil, "spec", "ciOperator", "test", "clusterProfile") }},
				{name: "no spec", do: func(w *world) { w.xr = set(w.xr, nil, "spec", "ciOperator") }},
				{name: "no claim", do: func(w *world) { w.xr = set(w.xr, nil, "spec", "claimRef") }},
				{name: "broken input", do: func(w *world) { w.input = fromYAML("{kind: Config, nonsense: true}") }},
				{name: "emptied status", do: func(w *world) { w.appCI.clusters[ecName(w)] = set(w.appCI.clusters[ecName(w)], nil, "status") }},
			},
		},
		"namespaced": {
			reason: "The life of a namespaced composite.",
			xr:     namespacedXR(),
			steps:  append([]step{created(), provisioningStep(), readyStep()}, tearDownSteps()...),
		},
		"namespaced-hive": {
			reason: "The life of a namespaced composite on a Hive pool.",
			xr:     set(namespacedXR(), structAt(hive, "spec", "ciOperator", "test"), "spec", "ciOperator", "test"),
			steps:  append([]step{created(), provisioningStep(), readyStep()}, tearDownSteps()...),
		},
		"namespaced-failed": {
			reason: "A failure of a cluster that is ready takes no Secret away.",
			xr:     namespacedXR(),
			steps: []step{created(), provisioningStep(), readyStep(), reported("failed", statusOnceReady("Failed",
				`- {type: ProwJobCompleted, status: "True", reason: ProwJobFailure, message: "prowjob state: aborted"}`))},
		},
		"namespaced-environment-lost": {
			reason: "A live cluster of a namespaced composite outlasts the EnvironmentConfig.",
			xr:     namespacedXR(),
			steps: []step{
				{name: "no EnvironmentConfig yet", do: func(w *world) { w.environment = false }},
				{name: "EnvironmentConfig", do: func(w *world) { w.environment = true }},
				readyStep(),
				{name: "EnvironmentConfig lost", do: func(w *world) { w.environment = false }},
			},
		},
		"namespaced-tampered": {
			reason: "What a tenant does to a namespaced composite costs only the tenant's own request.",
			xr:     namespacedXR(),
			steps: []step{
				created(), readyStep(),
				{name: "run name", do: func(w *world) {
					w.xr = set(w.xr, "../../etc", "metadata", "annotations", "ephemeralcluster.ci.openshift.io/pipeline-run-name")
				}},
				{name: "another Secret", do: func(w *world) { w.xr = set(w.xr, "elsewhere", "spec", "writeConnectionSecretToRef", "name") }},
				{name: "no spec", do: func(w *world) { w.xr = set(w.xr, nil, "spec", "ciOperator") }},
				{name: "broken input", do: func(w *world) { w.input = fromYAML("{kind: Config, nonsense: true}") }},
				{name: "emptied status", do: func(w *world) { w.appCI.clusters[ecName(w)] = set(w.appCI.clusters[ecName(w)], nil, "status") }},
			},
		},
		"namespaced-secret-taken": {
			reason: "A tenant's own Secret is left alone until it is out of the way.",
			xr:     namespacedXR(),
			steps: []step{
				{name: "created", do: func(w *world) {
					w.secrets["cluster-kubeconfig"] = fromYAML("{apiVersion: v1, kind: Secret, metadata: {name: cluster-kubeconfig, namespace: tenant-a}}")
				}},
				{name: "another name", do: func(w *world) { w.xr = set(w.xr, "mine", "spec", "writeConnectionSecretToRef", "name") }},
				readyStep(),
			},
		},
		"namespaced-secret-taken-later": {
			reason: "So is one that came while the cluster was made.",
			xr:     namespacedXR(),
			steps: []step{
				created(),
				{name: "taken", do: func(w *world) {
					w.secrets["cluster-kubeconfig"] = fromYAML("{apiVersion: v1, kind: Secret, metadata: {name: cluster-kubeconfig, namespace: tenant-a}}")
				}},
				readyStep(),
				{name: "out of the way", do: func(w *world) { delete(w.secrets, "cluster-kubeconfig") }},
			},
		},
		"namespaced-renamed": {
			reason: "A Secret that is renamed moves.",
			xr:     namespacedXR(),
			steps: []step{
				created(), readyStep(),
				{name: "renamed", do: func(w *world) { w.xr = set(w.xr, "mine", "spec", "writeConnectionSecretToRef", "name") }},
			},
		},
		"claim-no-secret": {
			reason: "A claim that names no Secret gets no cluster until it does.",
			xr:     fromYAML(testXR),
			steps: []step{
				{name: "no name", do: func(w *world) { w.claim = set(w.claim, nil, "spec", "writeConnectionSecretToRef") }},
				{name: "named", do: func(w *world) { w.claim = set(w.claim, "s", "spec", "writeConnectionSecretToRef", "name") }},
			},
		},
		"claim-refused": {
			reason: "A refusal is told until it is lifted.",
			xr:     fromYAML(testXR),
			steps: []step{
				{name: "quota", do: func(w *world) {
					w.appCI.refuses = "ephemeralclusters.ci.openshift.io \"cluster-abcde\" is forbidden: exceeded quota: q"
				}},
				{name: "lifted", do: func(w *world) { w.appCI.refuses = "" }},
				provisioningStep(),
			},
		},
		"claim-outage": {
			reason: "An outage is told, takes nothing away, and a change waits for its end.",
			xr:     fromYAML(testXR),
			steps: []step{
				created(), readyStep(),
				{name: "down", do: func(w *world) {
					w.appCI.down = `observe failed: cannot get object: Get "https://api.ci:6443/api": dial tcp 10.0.0.1:6443: connect: connection refused`
				}},
				{name: "another address", do: func(w *world) { w.appCI.down = strings.ReplaceAll(w.appCI.down, "10.0.0.1", "10.0.0.2") }},
				tearDownSteps()[0],
				{name: "back", do: func(w *world) { w.appCI.down = "" }},
			},
		},
		"claim-corrected": {
			reason: "A cluster that lives keeps the name that it was made with.",
			xr:     fromYAML(testXR),
			steps: append([]step{created(), readyStep(), {name: "corrected", do: func(w *world) { w.cluster = "stone-stg-rh02" }}},
				tearDownSteps()...),
		},
		"claim-corrected-early": {
			reason: "One that app.ci refused under the wrong name is asked for under the right one.",
			xr:     fromYAML(testXR),
			steps: []step{
				{name: "wrong", do: func(w *world) {
					w.cluster, w.appCI.refuses = "wrong", "ephemeralclusters.ci.openshift.io \"cluster-abcde\" is forbidden: ValidatingAdmissionPolicy 'ephemeral-cluster-origin' with binding 'b' denied request: this credential does not serve Konflux cluster wrong"
				}},
				{name: "corrected", do: func(w *world) { w.cluster, w.appCI.refuses = "", "" }},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w, got := newWorld(newAppCI(), tc.xr), &bytes.Buffer{}
			before := &fnv1.RunFunctionResponse{}

			for _, s := range tc.steps {
				s.do(w)

				for i, rsp := range w.settle(t) {
					_, _ = fmt.Fprintf(got, "---\n# %s, call %d\n%s", s.name, i+1, summary(t, before, rsp))
					holdsNoCanary(t, rsp)

					before = rsp
				}
			}

			golden := filepath.Join("testdata", "lifecycle", name+".yaml")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			want, err := os.ReadFile(filepath.Clean(golden))
			if err != nil {
				t.Fatalf("cannot read the golden file, write it with -update: %v", err)
			}

			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s\n%s: -want, +got:\n%s", tc.reason, golden, diff)
			}
		})
	}
}
