package xrd

import (
	"os"
	"testing"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
)

// What the API server accepts, refuses, prunes and defaults in the spec of an
// EphemeralCluster, it does alike in the spec of everything that Crossplane serves.
func TestServedByAPIServer(t *testing.T) {
	if os.Getenv(apiserver.Assets) == "" {
		t.Skipf("%s does not say where kube-apiserver and etcd are", apiserver.Assets)
	}

	b, err := os.ReadFile("../../api/crd/ci.openshift.io_ephemeralclusters.yaml")
	if err != nil {
		t.Fatal(err)
	}

	src, err := ParseSource(b)
	if err != nil {
		t.Fatalf("ParseSource(...): %v", err)
	}

	claims, err := Claims(src.CRD, options())
	if err != nil {
		t.Fatalf("Claims(...): %v", err)
	}

	namespaced, err := Namespaced(src.CRD, options())
	if err != nil {
		t.Fatalf("Namespaced(...): %v", err)
	}

	for name, xrd := range map[string]*xv1.CompositeResourceDefinition{"Claims": claims, "Namespaced": namespaced} {
		t.Run(name, func(t *testing.T) {
			served, err := Serve(xrd)
			if err != nil {
				t.Fatalf("Serve(...): %v", err)
			}

			crds := append([]*extv1.CustomResourceDefinition{src.CRD}, served...)
			for i := range crds {
				crds[i] = crds[i].DeepCopy()
				crds[i].SetOwnerReferences(nil)
			}

			testSpecs(t, start(t, crds), crds)
		})
	}
}

// start starts a control plane that has some CRDs. Each XRD gets its own, because
// claims and namespaced composites share a name.
func start(t *testing.T, crds []*extv1.CustomResourceDefinition) *rest.Config {
	t.Helper()

	cfg := apiserver.Start(t, &envtest.Environment{CRDs: crds})

	// That a field is pruned is what is tested, and no reason to warn.
	cfg.WarningHandler = rest.NoWarnings{}

	return cfg
}

func testSpecs(t *testing.T, cfg *rest.Config, crds []*extv1.CustomResourceDefinition) {
	t.Helper()

	kube, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatalf("cannot make client: %v", err)
	}

	cases := map[string]struct {
		reason string
		spec   string

		// want is the spec as it is stored, or empty when it is refused.
		want string
	}{
		"Profile": {
			reason: "A workflow on a cluster profile is accepted as it is.",
			spec:   `{ciOperator: {test: {workflow: w, clusterProfile: aws, env: {A: ""}}, resources: {}}, tearDownCluster: true}`,
			want:   `{ciOperator: {test: {workflow: w, clusterProfile: aws, env: {A: ""}}, resources: {}}, tearDownCluster: true}`,
		},
		"ClusterClaim": {
			reason: "So is a cluster claim with a timeout.",
			spec:   `{ciOperator: {test: {clusterClaim: {cloud: aws, owner: o, version: "4.20", timeout: 1h0m0s}}}}`,
			want:   `{ciOperator: {test: {clusterClaim: {cloud: aws, owner: o, version: "4.20", timeout: 1h0m0s}}}}`,
		},
		"Relative": {
			reason: "No field below the releases is lost.",
			spec:   `{ciOperator: {releases: {latest: {release: {channel: stable, version: "4.20", relative: 2}}}}}`,
			want:   `{ciOperator: {releases: {latest: {release: {channel: stable, version: "4.20", relative: 2}}}}}`,
		},
		"Unknown": {
			reason: "A field that is not in the schema is pruned.",
			spec:   `{ciOperator: {unknown: 1}}`,
			want:   `{ciOperator: {}}`,
		},
		"WrongType": {
			reason: "A value of another type is refused.",
			spec:   `{ciOperator: {test: {workflow: 1}}}`,
		},
		"EmptyClusterClaim": {
			reason: "A cluster claim without what it requires is refused.",
			spec:   `{ciOperator: {test: {clusterClaim: {}}}}`,
		},
		"NoCIOperator": {
			reason: "The required field is required.",
			spec:   `{tearDownCluster: true}`,
		},
	}

	for name, tc := range cases {
		for _, crd := range crds {
			t.Run(name+"/"+crd.Spec.Names.Kind, func(t *testing.T) {
				u := &unstructured.Unstructured{}
				u.SetAPIVersion(crd.Spec.Group + "/" + crd.Spec.Versions[0].Name)
				u.SetKind(crd.Spec.Names.Kind)
				u.SetName("some")

				if crd.Spec.Scope == extv1.NamespaceScoped {
					u.SetNamespace(metav1.NamespaceDefault)
				}

				u.Object["spec"] = parseSpec(t, tc.spec)

				err := kube.Create(t.Context(), u, client.DryRunAll)
				if refused := err != nil; refused != (tc.want == "") {
					t.Fatalf("%s\nCreate(...): want it refused: %t, got: %v", tc.reason, tc.want == "", err)
				}

				if tc.want == "" {
					return
				}

				if diff := cmp.Diff(parseSpec(t, tc.want), u.Object["spec"]); diff != "" {
					t.Errorf("%s\nCreate(...): -want, +got:\n%s", tc.reason, diff)
				}
			})
		}
	}
}

func parseSpec(t *testing.T, s string) any {
	t.Helper()

	u := &unstructured.Unstructured{}

	j, err := yaml.YAMLToJSON([]byte("{apiVersion: v1, kind: Any, spec: " + s + "}"))
	if err != nil {
		t.Fatal(err)
	}

	if err := u.UnmarshalJSON(j); err != nil {
		t.Fatal(err)
	}

	return u.Object["spec"]
}
