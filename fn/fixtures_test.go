package main

import (
	"context"
	"sync"
	"testing"

	"github.com/crossplane/function-sdk-go/logging"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"
)

const (
	testXR = `
apiVersion: ci.openshift.org/v1alpha1
kind: XTestPlatformCluster
metadata:
  name: cluster-abcde
  uid: 6f2b7a0c-2d59-4d0c-9f6a-3c2d6f1e8a11
  annotations:
    ephemeralcluster.ci.openshift.io/pipeline-run-name: run-1
    ephemeralcluster.ci.openshift.io/task-run-name: run-1-provision
    ephemeralcluster.ci.openshift.io/konflux-tenant: chosen-by-the-tenant
    ephemeralcluster.ci.openshift.io/konflux-cluster: chosen-by-the-tenant
spec:
  claimRef:
    apiVersion: ci.openshift.org/v1alpha1
    kind: TestPlatformCluster
    name: cluster
    namespace: tenant-a
  ciOperator:
    releases:
      latest:
        release: {channel: stable, version: "4.20"}
    test:
      workflow: ipi-aws
      clusterProfile: aws
      env: {REGION: eu-west-1, EMPTY: ""}
`

	testEnvironment = `
apiVersion: apiextensions.crossplane.io/v1beta1
kind: EnvironmentConfig
metadata:
  name: envcfg
data:
  clusterName: stone-stg-rh01
`

	// testEC is the Object that is desired while it may not write yet.
	testEC = `
apiVersion: kubernetes.crossplane.io/v1alpha2
kind: Object
metadata:
  name: managed-cluster-abcde
spec:
  forProvider:
    manifest:
      apiVersion: ci.openshift.io/v1
      kind: EphemeralCluster
      metadata:
        name: cluster-abcde
        namespace: ephemeral-cluster
        annotations:
          ephemeralcluster.ci.openshift.io/konflux-cluster: stone-stg-rh01
          ephemeralcluster.ci.openshift.io/konflux-tenant: tenant-a
          ephemeralcluster.ci.openshift.io/pipeline-run-name: run-1
          ephemeralcluster.ci.openshift.io/task-run-name: run-1-provision
      spec:
        ciOperator:
          releases:
            latest:
              release: {channel: stable, version: "4.20"}
          test:
            workflow: ipi-aws
            clusterProfile: aws
            env: {REGION: eu-west-1, EMPTY: ""}
  managementPolicies: [Observe]
  providerConfigRef:
    name: testplatform-kubernetes-provider-config
  readiness:
    policy: DeriveFromCelQuery
    celQuery: has(object.status) && has(object.status.conditions) && object.status.conditions.exists(c, c.type == "ClusterReady" && c.status == "True")
  watch: true
`

	testCredentials = `
apiVersion: kubernetes.crossplane.io/v1alpha2
kind: Object
metadata:
  name: credentials-cluster-abcde
  annotations:
    crossplane.io/poll-interval: 30s
spec:
  forProvider:
    manifest:
      apiVersion: v1
      kind: Secret
      metadata:
        name: cluster-abcde-credentials
        namespace: ephemeral-cluster
  managementPolicies: [Observe]
  providerConfigRef:
    name: testplatform-kubernetes-provider-config
  connectionDetails:
  - apiVersion: v1
    kind: Secret
    name: cluster-abcde-credentials
    namespace: ephemeral-cluster
    fieldPath: data.kubeconfig
    toConnectionSecretKey: kubeconfig
  - apiVersion: v1
    kind: Secret
    name: cluster-abcde-credentials
    namespace: ephemeral-cluster
    fieldPath: data.kubeAdminPassword
    toConnectionSecretKey: kubeAdminPassword
  writeConnectionSecretToRef:
    name: credentials-cluster-abcde
    namespace: crossplane-connections
`

	testStatusProvisioning = `
phase: Provisioning
prowJobId: 0b5d4f3e
prowJobURL: https://prow.ci.openshift.org/view/0b5d4f3e
conditions:
- type: ProwJobCreating
  status: "False"
  reason: ProwJob has been properly created
  lastTransitionTime: "2026-01-01T00:00:00Z"
- type: ClusterReady
  status: "False"
  reason: SecretsFetchFailure
  message: ci-operator NS not found
  lastTransitionTime: "2026-01-01T00:00:00Z"
`

	testStatusReady = `
phase: Ready
prowJobId: 0b5d4f3e
prowJobURL: https://prow.ci.openshift.org/view/0b5d4f3e
secretRef: cluster-abcde-credentials
conditions:
- type: ProwJobCreating
  status: "False"
  reason: ProwJob has been properly created
  lastTransitionTime: "2026-01-01T00:00:00Z"
- type: ClusterReady
  status: "True"
  reason: ClusterReady
  lastTransitionTime: "2026-01-01T00:30:00Z"
`

	notThereCondition = `
type: Synced
status: "False"
reason: ReconcileError
message: 'observe failed: external resource does not exist'
`
)

// fromYAML returns an object. It panics on a fixture that is not one.
func fromYAML(in string) *structpb.Struct {
	m := map[string]any{}
	if err := yaml.Unmarshal([]byte(in), &m); err != nil {
		panic(err)
	}

	s, err := structpb.NewStruct(m)
	if err != nil {
		panic(err)
	}

	return s
}

// set returns a copy of an object with the value at a path replaced, or removed when
// it is nil. Values are Go values, or YAML objects as structs.
func set(in *structpb.Struct, value any, path ...string) *structpb.Struct {
	out := proto.CloneOf(in)

	s := out
	for _, name := range path[:len(path)-1] {
		next := s.GetFields()[name].GetStructValue()
		if next == nil {
			next = &structpb.Struct{Fields: map[string]*structpb.Value{}}
			s.Fields[name] = structpb.NewStructValue(next)
		}

		if next.Fields == nil {
			next.Fields = map[string]*structpb.Value{}
		}

		s = next
	}

	last := path[len(path)-1]

	switch v := value.(type) {
	case nil:
		delete(s.GetFields(), last)
	case *structpb.Struct:
		s.Fields[last] = structpb.NewStructValue(v)
	default:
		pv, err := structpb.NewValue(v)
		if err != nil {
			panic(err)
		}

		s.Fields[last] = pv
	}

	return out
}

// writing returns the Object of an EphemeralCluster once it may write.
func writing(ec *structpb.Struct) *structpb.Struct {
	return set(ec, []any{"*"}, "spec", "managementPolicies")
}

// onAppCI returns an observed Object whose EphemeralCluster is on app.ci as it was
// asked for, with a status.
func onAppCI(ec *structpb.Struct, status string) *structpb.Struct {
	actual := proto.CloneOf(structAt(ec, "spec", "forProvider", "manifest"))
	if status != "" {
		actual = set(actual, fromYAML(status), "status")
	}

	return set(set(ec, actual, "status", "atProvider", "manifest"), []any{map[string]any{"type": "Synced", "status": "True"}}, "status", "conditions")
}

// refused returns an observed Object that could not do what it says.
func refused(ec *structpb.Struct, message string) *structpb.Struct {
	c := map[string]any{"type": "Synced", "status": "False", "reason": "ReconcileError", "message": message}

	return set(ec, []any{c}, "status", "conditions")
}

// notOnAppCI returns an observed Object that found nothing.
func notOnAppCI(ec *structpb.Struct) *structpb.Struct {
	return set(ec, []any{fromYAML(notThereCondition).AsMap()}, "status", "conditions")
}

// A mod changes a request.
type mod func(req *fnv1.RunFunctionRequest)

// requestOf returns a request for a composite on a cluster that has its
// EnvironmentConfig.
func requestOf(xr *structpb.Struct, mods ...mod) *fnv1.RunFunctionRequest {
	req := &fnv1.RunFunctionRequest{
		Meta:     &fnv1.RequestMeta{Tag: "tag"},
		Observed: &fnv1.State{Composite: &fnv1.Resource{Resource: xr}, Resources: map[string]*fnv1.Resource{}},
		RequiredResources: map[string]*fnv1.Resources{
			requirementEnvironment: {Items: []*fnv1.Resource{{Resource: fromYAML(testEnvironment)}}},
		},
	}

	for _, m := range mods {
		m(req)
	}

	return req
}

func withObserved(name string, o *structpb.Struct) mod {
	return func(req *fnv1.RunFunctionRequest) {
		req.Observed.Resources[name] = &fnv1.Resource{Resource: o}
	}
}

// withAnswer answers a requirement.
func withAnswer(requirement, found string) mod {
	return func(req *fnv1.RunFunctionRequest) {
		req.RequiredResources[requirement] = &fnv1.Resources{Items: []*fnv1.Resource{{Resource: fromYAML(found)}}}
	}
}

func withDetails(details map[string][]byte) mod {
	return func(req *fnv1.RunFunctionRequest) {
		req.Observed.Resources["credentials"].ConnectionDetails = details
	}
}

func withPublished(details map[string][]byte) mod {
	return func(req *fnv1.RunFunctionRequest) { req.Observed.Composite.ConnectionDetails = details }
}

func withoutEnvironment() mod {
	return func(req *fnv1.RunFunctionRequest) {
		req.RequiredResources = map[string]*fnv1.Resources{requirementEnvironment: {}}
	}
}

func withInput(in string) mod {
	return func(req *fnv1.RunFunctionRequest) { req.Input = fromYAML(in) }
}

// testFunction is made once: it compiles a schema.
var testFunction = sync.OnceValue(func() *Function {
	f, err := newFunction(logging.NewNopLogger())
	if err != nil {
		panic(err)
	}

	return f
})

// run calls the function.
func run(t *testing.T, req *fnv1.RunFunctionRequest) *fnv1.RunFunctionResponse {
	t.Helper()

	rsp, err := testFunction().RunFunction(context.Background(), req)
	if err != nil {
		t.Fatalf("RunFunction(...): %v", err)
	}

	return rsp
}
