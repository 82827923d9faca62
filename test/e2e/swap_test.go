//go:build linux && e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	objectv1alpha2 "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xpextv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

const formerFunction = "function-former"

// TestSwap replaces, under a cluster in use, the Composition that made it.
func TestSwap(t *testing.T) {
	alone(t)

	reason := "Our Composition takes over a live cluster that another one has made, and touches nothing of it."
	ctx := t.Context()

	t.Cleanup(func() {
		function := &pkgv1.Function{ObjectMeta: metav1.ObjectMeta{Name: formerFunction}}
		if err := errors.Join(applyComposition(context.Background(), shared), shared.Konflux.Delete(context.Background(), function)); err != nil {
			t.Error(err)
		}
	})

	if err := shared.InstallFunction(ctx, formerFunction, "./test/formerfn"); err != nil {
		t.Fatal(err)
	}

	if err := shared.Konflux.ApplyAll(ctx, formerComposition()); err != nil {
		t.Fatal(err)
	}

	l := life.New(shared, "tenant-a", example("workflow"), testWriter{t})
	if err := l.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if c := condition(l.Claim(), v1alpha1.ConditionAccepted); c != nil {
		t.Fatalf("\n%s\nour function has answered already, so this test shows nothing: %v", reason, c)
	}

	before := takeSnapshot(ctx, t, shared, l)

	if err := applyComposition(ctx, shared); err != nil {
		t.Fatal(err)
	}

	if err := awaitTakenOver(ctx, shared, l); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if diff := cmp.Diff(before, takeSnapshot(ctx, t, shared, l)); diff != "" {
		t.Errorf("\n%s\n-before, +after:\n%s", reason, diff)
	}

	// The cluster's own end shows that it was in working order.
	if err := l.Run(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := l.Delete(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}

// applyComposition applies that of this checkout.
func applyComposition(ctx context.Context, s *stack.Stack) error {
	return s.Konflux.ApplyFiles(ctx, filepath.Join(s.Root(), "composition", string(s.API)+".yaml"))
}

// formerComposition is our Composition with a pipeline of the former function.
func formerComposition() *xpextv1.Composition {
	return &xpextv1.Composition{
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CompositionName},
		Spec: xpextv1.CompositionSpec{
			CompositeTypeRef:                  xpextv1.TypeReference{APIVersion: v1alpha1.Group + "/" + v1alpha1.Version, Kind: v1alpha1.CompositeKind},
			Mode:                              xpextv1.CompositionModePipeline,
			WriteConnectionSecretsToNamespace: new(v1alpha1.ConnectionSecretNamespace),
			Pipeline: []xpextv1.PipelineStep{{
				Step:        "former",
				FunctionRef: xpextv1.FunctionReference{Name: formerFunction},
				Requirements: &xpextv1.FunctionRequirements{RequiredResources: []xpextv1.RequiredResourceSelector{{
					RequirementName: "environment",
					APIVersion:      "apiextensions.crossplane.io/v1beta1",
					Kind:            "EnvironmentConfig",
					Name:            new(v1alpha1.EnvironmentConfigName),
				}}},
			}},
		},
	}
}

// A snapshot is what a swap must leave as it was.
type snapshot struct {
	EphemeralCluster metav1.ObjectMeta
	Managed          identity
	Credentials      types.UID
	Claim            types.UID
	TenantSecret     string
	Conditions       map[string]string

	// Writes are what provider-kubernetes has ever written of it to app.ci.
	Writes []string
}

type identity struct {
	UID        types.UID
	Generation int64
}

func takeSnapshot(ctx context.Context, t *testing.T, s *stack.Stack, l *life.Life) snapshot {
	t.Helper()

	ec := &apiv1.EphemeralCluster{}
	if err := s.AppCI.Get(ctx, clientKey(l), ec); err != nil {
		t.Fatal(err)
	}

	managed, credentials := &objectv1alpha2.Object{}, &objectv1alpha2.Object{}

	for o, prefix := range map[*objectv1alpha2.Object]string{managed: "managed-", credentials: "credentials-"} {
		if err := s.Konflux.Get(ctx, types.NamespacedName{Name: prefix + ec.Name}, o); err != nil {
			t.Fatal(err)
		}
	}

	name, _, _ := unstructured.NestedString(l.Claim().Object, "spec", "writeConnectionSecretToRef", "name")

	secret := &corev1.Secret{}
	if err := s.Konflux.Get(ctx, types.NamespacedName{Namespace: l.Namespace, Name: name}, secret); err != nil {
		t.Fatal(err)
	}

	claim := l.Claim().DeepCopy()
	if err := s.Konflux.Get(ctx, client.ObjectKeyFromObject(claim), claim); err != nil {
		t.Fatal(err)
	}

	out := snapshot{
		EphemeralCluster: ec.ObjectMeta,
		Managed:          identity{managed.UID, managed.Generation},
		Credentials:      credentials.UID,
		Claim:            claim.GetUID(),
		TenantSecret:     digest(secret.Data),
		Conditions:       map[string]string{},
		Writes:           providerWrites(t, s, ec.Name),
	}

	for _, typ := range []string{
		v1alpha1.ConditionPhase, v1alpha1.ConditionProwJobURL, "Ready",
		string(apiv1.ConditionProwJobCreating), string(apiv1.ConditionClusterReady),
	} {
		c := condition(claim, typ)
		status, _ := c["status"].(string)
		message, _ := c["message"].(string)
		out.Conditions[typ] = status + " " + message
	}

	return out
}

// digest stands for credentials where a failure may print them.
func digest(data map[string][]byte) string {
	h := sha256.New()

	for _, key := range slices.Sorted(maps.Keys(data)) {
		_, _ = fmt.Fprintf(h, "%s=%q,", key, data[key])
	}

	return hex.EncodeToString(h.Sum(nil))
}

// providerWrites lists what provider-kubernetes has written to app.ci, with whatever
// credential: of what has some text in its name.
func providerWrites(t *testing.T, s *stack.Stack, of string) []string {
	t.Helper()

	events, err := s.AppCI.Writes()
	if err != nil {
		t.Fatal(err)
	}

	var writes []string

	users := "system:serviceaccount:" + environments.CredentialsNamespace + ":"

	for _, e := range events {
		if strings.HasPrefix(e.User.Username, users) && strings.Contains(e.RequestURI, of) {
			writes = append(writes, e.Verb+" "+e.RequestURI)
		}
	}

	return writes
}

// awaitTakenOver waits until our function has answered for a claim, and
// provider-kubernetes has acted on all that changed with that.
func awaitTakenOver(ctx context.Context, s *stack.Stack, l *life.Life) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	if err := l.AwaitClaim(ctx, func(u *unstructured.Unstructured) bool {
		return condition(u, v1alpha1.ConditionAccepted)["status"] == "True"
	}); err != nil {
		return err
	}

	return awaitCredentials(ctx, s, l, false)
}

// awaitCredentials waits until provider-kubernetes has acted on credentials that are to be
// watched, as the former Composition has it, or not: what is read once its reference is
// known need not be.
func awaitCredentials(ctx context.Context, s *stack.Stack, l *life.Life, watched bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	name := "credentials-" + l.EphemeralCluster().Name

	_, err := s.Konflux.Await(ctx, &objectv1alpha2.ObjectList{}, func(o client.Object) bool {
		object, ok := o.(*objectv1alpha2.Object)

		return ok && object.Name == name && object.Spec.Watch == watched && slices.ContainsFunc(object.Status.Conditions, func(c xpv2.Condition) bool {
			return c.Type == xpv2.TypeSynced && c.Status == corev1.ConditionTrue && c.ObservedGeneration == object.Generation
		})
	})

	return err
}
