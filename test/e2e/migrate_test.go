//go:build linux && e2e

package e2e

import (
	"context"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/crossplane/crossplane-runtime/v2/pkg/fieldpath"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/kubeconfig"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

const (
	// formerAccount and formerRole are what all Konflux clusters have used of app.ci.
	formerAccount = "ephemeral-cluster"
	formerRole    = "ephemeral-cluster-admin"
)

// TestMigrate goes through "Replace the hand-written Composition" of deploy/README.md, with
// a cluster that is in use and one that is being provisioned.
func TestMigrate(t *testing.T) {
	reason := "Whoever has a cluster does not notice that what it was made with is replaced."
	ctx := t.Context()

	s, err := stack.Start(ctx, stack.Options{Out: testWriter{t}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()

	step := func(what string, err error) {
		t.Helper()

		if err != nil {
			t.Fatalf("\n%s\n%s: %v", reason, what, err)
		}
	}

	step("the function of old", s.InstallFunction(ctx, formerFunction, "./test/formerfn"))
	step("the Composition of old", s.Konflux.ApplyAll(ctx, formerComposition()))
	step("the XRD of old", applyFormerXRD(ctx, s))
	step("the credential of old", useFormerCredential(ctx, s))

	used := life.New(s, "tenant-a", claimWith(t, "used", map[string]string{"STANDIN_PROVISION_DELAY": "1s"}), testWriter{t})
	step("a cluster in use", used.RunTo(ctx, 11))

	// No reconciler is at work, as after step 2.
	s.StopReconciler()

	begun := life.New(s, "tenant-b", claimWith(t, "begun", map[string]string{"STANDIN_PROVISION_DELAY": "2s"}), testWriter{t})
	step("a cluster that is asked for", begun.RunTo(ctx, 3))
	step("its ProwJob", makeFormerProwJob(ctx, s, begun, used))
	step("a cluster that is provisioned", begun.RunTo(ctx, 5))

	before := takeSnapshot(ctx, t, s, used)
	job := begun.ProwJob().GetUID()

	// 1. What the XRD of old loses.
	if out := drift(ctx, t, s, 1); !strings.Contains(out, "relative") {
		t.Errorf("\n%s\nwhat the XRD loses is not told:\n%s", reason, out)
	}

	// 3. app.ci.
	step("app.ci", errors.Join(s.ApplyAppCI(ctx), s.ReplaceReconciler(ctx, stack.ComponentReconciler, s.ReconcilerArgs...)))
	step("the cluster that is provisioned", begun.RunTo(ctx, 11))

	if got := begun.ProwJob().GetUID(); got != job {
		t.Errorf("\n%s\nthe cluster that was provisioned has another ProwJob now", reason)
	}

	// 4. and 5. The Konflux cluster.
	step("the tree", s.ApplyKonflux(ctx))

	for _, l := range []*life.Life{used, begun} {
		step("taken over", awaitTakenOver(ctx, s, l))
	}

	drift(ctx, t, s, 0)

	if diff := cmp.Diff(before, takeSnapshot(ctx, t, s, used)); diff != "" {
		t.Errorf("\n%s\nafter it is taken over: -before, +after:\n%s", reason, diff)
	}

	// There is a way back.
	step("the Composition of old", s.Konflux.ApplyAll(ctx, formerComposition()))
	step("taken back", awaitCredentials(ctx, s, used, true))
	step("the Composition", applyComposition(ctx, s))
	step("taken over", awaitTakenOver(ctx, s, used))

	if diff := cmp.Diff(before, takeSnapshot(ctx, t, s, used)); diff != "" {
		t.Errorf("\n%s\nafter it is rolled back and taken over again: -before, +after:\n%s", reason, diff)
	}

	// 6. The credential.
	step("the credential", useCredential(ctx, s))

	gone := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}}
	if err := s.AppCI.Get(ctx, types.NamespacedName{Namespace: apiv1.DefaultNamespace, Name: formerAccount}, gone); !kerrors.IsNotFound(err) {
		t.Errorf("\n%s\nthe credential of old is still there: %v", reason, err)
	}

	if diff := cmp.Diff(before.EphemeralCluster, takeSnapshot(ctx, t, s, used).EphemeralCluster); diff != "" {
		t.Errorf("\n%s\nwith another credential: -before, +after:\n%s", reason, diff)
	}

	// Their own ends show that they were in working order.
	for _, l := range []*life.Life{used, begun} {
		step("its end", l.Run(ctx))
		step("its end", l.Delete(ctx))
	}
}

// applyFormerXRD applies an XRD as it was copied by hand, and then fell behind.
func applyFormerXRD(ctx context.Context, s *stack.Stack) error {
	objs, err := stack.ReadObjects(filepath.Join(s.Root(), "xrd", string(s.API)+".yaml"))
	if err != nil {
		return err
	}

	xrd, ok := objs[0].(*unstructured.Unstructured)
	if !ok {
		return errors.Errorf("the XRD is a %T", objs[0])
	}

	const lost = "spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.ciOperator.properties.releases" +
		".additionalProperties.properties.release.properties.relative"

	p := fieldpath.Pave(xrd.Object)
	if _, err := p.GetValue(lost); err != nil {
		return err
	}

	return errors.Join(p.DeleteField(lost), s.Konflux.ApplyAll(ctx, xrd))
}

// useFormerCredential gives the Konflux cluster the credential that all have shared, with
// the rights that it had.
func useFormerCredential(ctx context.Context, s *stack.Stack) error {
	if err := s.AppCI.ApplyAll(ctx,
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: formerRole}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{apiv1.GroupVersion.Group}, Resources: []string{"*"}, Verbs: []string{"*"}},
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"*"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: formerRole},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: apiv1.DefaultNamespace, Name: formerAccount}},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: formerRole},
		},
	); err != nil {
		return err
	}

	b, err := kubeconfig.Issue(ctx, s.AppCI.Admin(), kubeconfig.Request{
		Namespace: apiv1.DefaultNamespace, ServiceAccount: formerAccount, Duration: time.Hour, Cluster: s.AppCI.Name,
	})
	if err != nil {
		return err
	}

	return errors.Join(s.SetCredential(ctx, b), s.RestartProvider(ctx))
}

// useCredential goes through "Retire the credential of old" of deploy/README.md.
func useCredential(ctx context.Context, s *stack.Stack) error {
	// 1. is done: the one of old is generated. 2. Its rights of old.
	if err := errors.Join(
		s.AppCI.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: formerRole}}),
		s.AppCI.Delete(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: formerRole}}),
	); err != nil {
		return err
	}

	// 3. Another one in its place.
	b, err := s.IssueCredential(ctx, 1)
	if err != nil {
		return err
	}

	// 4. and 5. The end of it, which is not left to a tree.
	return errors.Join(s.SetCredential(ctx, b), s.RestartProvider(ctx), s.RetireLegacy(ctx),
		s.AppCI.Delete(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: formerAccount}}))
}

// makeFormerProwJob does what the reconciler that polls does first for a cluster: it makes
// a ProwJob, like that of another cluster but under a name by chance, and notes it.
func makeFormerProwJob(ctx context.Context, s *stack.Stack, l, like *life.Life) error {
	ec := l.EphemeralCluster()

	labels := maps.Clone(like.ProwJob().GetLabels())
	labels[apiv1.LabelEphemeralCluster] = ec.GetName()

	pj := &prowv1.ProwJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: like.ProwJob().GetNamespace(), Name: uuid.NewString(), Labels: labels},
		Spec:       *like.ProwJob().Spec.DeepCopy(),
		Status:     prowv1.ProwJobStatus{State: prowv1.SchedulingState, StartTime: metav1.Now()},
	}

	// Calls of ci-operator that are alike share a namespace.
	for i, v := range pj.Spec.PodSpec.Containers[0].Env {
		pj.Spec.PodSpec.Containers[0].Env[i].Value = strings.ReplaceAll(v.Value, "STANDIN_PROVISION_DELAY: 1s", "STANDIN_PROVISION_DELAY: 2s")
	}

	finalized := ec.DeepCopy()
	controllerutil.AddFinalizer(finalized, apiv1.Finalizer)

	if err := s.AppCI.Patch(ctx, finalized, client.MergeFrom(ec)); err != nil {
		return err
	}

	if err := s.AppCI.Create(ctx, pj); err != nil {
		return err
	}

	noted := finalized.DeepCopy()
	noted.Status.Phase, noted.Status.ProwJobID = apiv1.PhaseProvisioning, pj.GetName()

	return s.AppCI.Status().Patch(ctx, noted, client.MergeFrom(finalized))
}

// drift compares what app.ci and the Konflux cluster serve, as a platform engineer does.
func drift(ctx context.Context, t *testing.T, s *stack.Stack, want int) string {
	t.Helper()

	program, err := s.BuildProgram(ctx, "gen", "./gen")
	if err != nil {
		t.Fatal(err)
	}

	gen := exec.CommandContext(ctx, program, "drift", "--konflux="+stack.Konflux, "--app-ci="+stack.AppCI)
	gen.Env = append(gen.Environ(), "KUBECONFIG="+s.Konflux.AdminKubeconfig()+string(filepath.ListSeparator)+s.AppCI.AdminKubeconfig())

	out, err := gen.CombinedOutput()
	if got := gen.ProcessState.ExitCode(); got != want {
		t.Errorf("gen drift: want exit code %d, got %d (%v):\n%s", want, got, err, out)
	}

	return string(out)
}
