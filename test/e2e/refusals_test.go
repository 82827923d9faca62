//go:build linux && e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// soon is how long a refusal may take to its tenant.
const soon = time.Minute

// TestRefusals lets app.ci refuse, alone: others would be refused too.
func TestRefusals(t *testing.T) {
	alone(t)

	s := shared

	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: "none"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"count/ephemeralclusters.ci.openshift.io": resource.MustParse("0")}},
	}

	creations := map[string]struct {
		reason  string
		refuses []client.Object
		want    string
		words   string
	}{
		"Quota": {
			reason:  "A quota that is used up is told, and heals once there is room.",
			refuses: []client.Object{quota},
			want:    v1alpha1.ReasonRefusedForNow,
			words:   "is forbidden: exceeded quota: none",
		},
		"Policy": {
			reason:  "So is what a policy is against.",
			refuses: denies(admissionv1.Create),
			want:    v1alpha1.ReasonRefused,
			words:   "denied request: not today",
		},
	}

	for name, tc := range creations {
		t.Run(name, func(t *testing.T) {
			lift := refuse(t, s, func(ctx context.Context) error {
				return s.AppCI.Create(ctx, newRequest("refused", stack.KonfluxClusterName), client.DryRunAll)
			}, tc.refuses...)

			l := life.New(s, "tenant-a", claimWith(t, strings.ToLower(name), nil), io.Discard)
			if err := l.RunTo(t.Context(), 2); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			if err := awaitAppCI(t.Context(), l, tc.want, tc.words); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			lift()

			if err := l.RunTo(t.Context(), 4); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			if err := awaitAppCI(t.Context(), l, v1alpha1.ReasonSynced, ""); err != nil {
				t.Errorf("\n%s\n%v", tc.reason, err)
			}

			deleteLife(t.Context(), t, tc.reason, l)
		})
	}

	t.Run("Change", func(t *testing.T) { refusedChange(t, s) })
	t.Run("Schema", func(t *testing.T) { refusedBySchema(t, s) })
	t.Run("NoSecret", func(t *testing.T) { refusedWithoutSecret(t, s) })
	t.Run("Correction", func(t *testing.T) { correctName(t, s) })
}

func refusedChange(t *testing.T, s *stack.Stack) {
	t.Helper()

	reason := "A change that is refused is told, and the cluster stays what it is."

	l := life.New(s, "tenant-a", claimWith(t, "change", nil), io.Discard)
	if err := l.RunTo(t.Context(), 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	lift := refuse(t, s, func(ctx context.Context) error {
		return s.AppCI.Patch(ctx, l.EphemeralCluster().DeepCopy(),
			client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"try": "it"}}}`)), client.DryRunAll)
	}, denies(admissionv1.Update)...)

	patchClaim(t, s, l.Claim(), `{"spec": {"tearDownCluster": true}}`)

	if err := awaitAppCI(t.Context(), l, v1alpha1.ReasonRefused, "denied request: not today"); err != nil {
		t.Errorf("\n%s\n%v", reason, err)
	}

	if got := condition(l.Claim(), string(apiv1.ConditionClusterReady))["status"]; got != "True" {
		t.Errorf("\n%s\nClusterReady is %v", reason, got)
	}

	lift()

	if err := l.Run(t.Context()); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	deleteLife(t.Context(), t, reason, l)
}

// refusedBySchema asks with a claim that an XRD without the newest limits would let pass.
func refusedBySchema(t *testing.T, s *stack.Stack) {
	t.Helper()

	reason := "A required field that is empty gets no cluster, and is named."

	claim := exampleClaim(t, "workflow")
	claim.SetNamespace("tenant-a")
	claim.SetName("schema")

	if err := unstructured.SetNestedField(claim.Object, "", "spec", "ciOperator", "releases", "latest", "release", "version"); err != nil {
		t.Fatal(err)
	}

	const words = "spec.ciOperator.releases.latest.release.version"

	// The API server refuses it already where the schema says as much.
	if err := s.Konflux.Create(t.Context(), claim); err != nil {
		if !kerrors.IsInvalid(err) || !strings.Contains(err.Error(), words) {
			t.Errorf("\n%s\n%v", reason, err)
		}

		return
	}

	awaitNotAccepted(t, s, reason, claim, words)
	deleteAndAwait(t.Context(), t, s.Konflux, claim)
}

func refusedWithoutSecret(t *testing.T, s *stack.Stack) {
	t.Helper()

	reason := "A claim that names no Secret gets no cluster."

	claim := exampleClaim(t, "workflow")
	claim.SetNamespace("tenant-a")
	claim.SetName("no-secret")
	unstructured.RemoveNestedField(claim.Object, "spec", "writeConnectionSecretToRef")

	create(t, s.Konflux, claim)
	awaitNotAccepted(t, s, reason, claim, "spec.writeConnectionSecretToRef.name: Required value")
	deleteAndAwait(t.Context(), t, s.Konflux, claim)
}

// correctName corrects the Konflux cluster's name while a cluster lives.
func correctName(t *testing.T, s *stack.Stack) {
	t.Helper()

	reason := "A cluster that lives outlasts the correction of the Konflux cluster's name, and can be torn down."

	l := life.New(s, "tenant-a", claimWith(t, "correction", nil), io.Discard)
	if err := l.RunTo(t.Context(), 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	env := &unstructured.Unstructured{}
	env.SetAPIVersion("apiextensions.crossplane.io/v1beta1")
	env.SetKind("EnvironmentConfig")
	env.SetName(v1alpha1.EnvironmentConfigName)

	rename := func(ctx context.Context, name string) error {
		patch := fmt.Sprintf(`{"data": {%q: %q}}`, v1alpha1.EnvironmentConfigKey, name)

		return s.Konflux.Patch(ctx, env, client.RawPatch(types.MergePatchType, []byte(patch)))
	}

	t.Cleanup(func() {
		if err := rename(context.Background(), stack.KonfluxClusterName); err != nil {
			t.Error(err)
		}
	})

	if err := rename(t.Context(), "corrected"); err != nil {
		t.Fatal(err)
	}

	if err := l.Run(t.Context()); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if got := condition(l.Claim(), v1alpha1.ConditionAccepted)["status"]; got != "True" {
		t.Errorf("\n%s\nAccepted is %v", reason, got)
	}

	deleteLife(t.Context(), t, reason, l)
}

// refuse makes app.ci refuse what is tried, until what is returned is called.
func refuse(t *testing.T, s *stack.Stack, try func(context.Context) error, objs ...client.Object) func() {
	t.Helper()

	if err := s.AppCI.ApplyAll(t.Context(), objs...); err != nil {
		t.Fatal(err)
	}

	// An API server heeds it in a moment.
	if !eventually(soon, func() bool { return try(t.Context()) != nil }) {
		t.Fatal("app.ci refuses nothing")
	}

	return func() {
		for _, o := range objs {
			if err := client.IgnoreNotFound(s.AppCI.Delete(context.WithoutCancel(t.Context()), o)); err != nil {
				t.Error(err)
			}
		}
	}
}

// denies returns a policy that lets nobody do something with EphemeralClusters. Their
// status is reported all the same.
func denies(op admissionv1.OperationType) []client.Object {
	name := "not-today-" + strings.ToLower(string(op))

	return []client.Object{
		&admissionv1.ValidatingAdmissionPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: admissionv1.ValidatingAdmissionPolicySpec{
				MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
					RuleWithOperations: admissionv1.RuleWithOperations{
						Operations: []admissionv1.OperationType{op},
						Rule:       admissionv1.Rule{APIGroups: []string{apiv1.Group}, APIVersions: []string{"*"}, Resources: []string{"ephemeralclusters"}},
					},
				}}},
				Validations: []admissionv1.Validation{{
					Expression: `request.userInfo.username == "` + stack.ReconcilerUser + `"`,
					Message:    "not today",
				}},
			},
		},
		&admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName:        name,
				ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			},
		},
	}
}

// awaitAppCI waits until a claim says what app.ci does.
func awaitAppCI(ctx context.Context, l *life.Life, reason, words string) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()

	err := l.AwaitClaim(ctx, func(u *unstructured.Unstructured) bool {
		c := condition(u, v1alpha1.ConditionAppCISynced)
		message, _ := c["message"].(string)

		return c["reason"] == reason && strings.Contains(message, words)
	})

	return errors.Wrapf(err, "condition %s is %v", v1alpha1.ConditionAppCISynced, condition(l.Claim(), v1alpha1.ConditionAppCISynced))
}

func awaitNotAccepted(t *testing.T, s *stack.Stack, reason string, claim *unstructured.Unstructured, words string) {
	t.Helper()

	got := claim.DeepCopy()

	if !eventually(soon, func() bool {
		if err := s.Konflux.Get(t.Context(), client.ObjectKeyFromObject(claim), got); err != nil {
			return false
		}

		c := condition(got, v1alpha1.ConditionAccepted)
		message, _ := c["message"].(string)

		return c["status"] == "False" && c["reason"] == v1alpha1.ReasonInvalidRequest && strings.Contains(message, words)
	}) {
		t.Errorf("\n%s\ncondition %s is %v", reason, v1alpha1.ConditionAccepted, condition(got, v1alpha1.ConditionAccepted))
	}
}

func patchClaim(t *testing.T, s *stack.Stack, claim *unstructured.Unstructured, merge string) {
	t.Helper()

	if err := s.Konflux.Patch(t.Context(), claim.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(merge))); err != nil {
		t.Fatal(err)
	}
}
