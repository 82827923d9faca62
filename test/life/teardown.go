//go:build linux

package life

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

func (l *Life) test(ctx context.Context) (client.Object, error) {
	out, err := l.kubectl(ctx, l.kubeconfig, "get", "namespaces")
	if err != nil {
		return nil, err
	}

	if !strings.Contains(out, "kube-system") {
		return nil, errors.Errorf("the cluster has no namespace kube-system:\n%s", out)
	}

	_, _ = fmt.Fprint(l.Out, indent(out))

	return nil, nil //nolint:nilnil // What shows this step is on the ephemeral cluster, and printed.
}

func (l *Life) pipelineEnds(ctx context.Context) (client.Object, error) {
	err := l.stack.Konflux.Get(ctx, client.ObjectKeyFromObject(l.claim), l.claim)

	return l.claim, errors.Wrap(err, "cannot get the claim")
}

func (l *Life) tearDown(ctx context.Context) (client.Object, error) {
	const patch = `[{"op": "add", "path": "/spec/tearDownCluster", "value": true}]`

	if _, err := l.kubectl(ctx, l.stack.Konflux.AdminKubeconfig(), "patch", v1alpha1.Plural+"."+v1alpha1.Group, l.claim.GetName(),
		"--namespace="+l.Namespace, "--type=json", "--patch="+patch); err != nil {
		return nil, err
	}

	return l.pipelineEnds(ctx)
}

func (l *Life) awaitTearDown(ctx context.Context) (client.Object, error) {
	err := l.awaitEC(ctx, func(ec *apiv1.EphemeralCluster) bool { return ec.Spec.TearDownCluster })

	return l.ec, err
}

func (l *Life) awaitSignal(ctx context.Context) (client.Object, error) {
	return l.BuildCluster().Await(ctx, &corev1.SecretList{}, func(o client.Object) bool { return o.GetName() == apiv1.SecretTestDone },
		client.InNamespace(l.ciNamespace))
}

// awaitEnd waits until every party says that the cluster is gone, and tries it.
func (l *Life) awaitEnd(ctx context.Context) (client.Object, error) {
	if err := l.awaitJob(ctx, (*prowv1.ProwJob).Complete); err != nil {
		return nil, errors.Wrap(err, "the ProwJob has not ended")
	}

	if l.prowJob.Status.State != prowv1.SuccessState {
		return nil, errors.Errorf("the ProwJob ended as %s: %s", l.prowJob.Status.State, l.prowJob.Status.Description)
	}

	if err := l.awaitEC(ctx, func(ec *apiv1.EphemeralCluster) bool { return ec.Status.Phase == apiv1.PhaseDeprovisioned }); err != nil {
		return nil, errors.Wrap(err, "the EphemeralCluster is not Deprovisioned")
	}

	if err := l.awaitClaim(ctx, func(u *unstructured.Unstructured) bool {
		return conditionIs(u, string(apiv1.ConditionProwJobCompleted), "True")
	}); err != nil {
		return nil, errors.Wrap(err, "the claim does not say that the ProwJob has completed")
	}

	if l.pipeline != nil {
		if err := l.pipelineSucceeds(ctx); err != nil {
			return nil, err
		}
	}

	return l.prowJob, l.Refused(ctx)
}

// Refused tries the tenant's kubeconfig, of step 9, and returns an error unless it
// fails for the one reason that the cluster is gone.
func (l *Life) Refused(ctx context.Context) error {
	out, err := l.kubectl(ctx, l.kubeconfig, "get", "namespaces")
	if err == nil {
		return errors.Errorf("the kubeconfig still works:\n%s", out)
	}

	if !strings.Contains(err.Error(), "refused") {
		return errors.Wrap(err, "the kubeconfig fails for another reason than that the cluster is gone")
	}

	_, _ = fmt.Fprint(l.Out, indent(err.Error()))

	return nil
}

// Delete deletes the PipelineRun or, where there is none, the claim, and waits until
// the cluster, and every copy of its credentials, is gone.
func (l *Life) Delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()

	owner := l.owner()
	if err := client.IgnoreNotFound(l.stack.Konflux.Delete(ctx, owner)); err != nil {
		return errors.Wrapf(err, "cannot delete %s", l.describe(owner))
	}

	composite := l.compositeName()
	namespace := apiv1.DefaultNamespace

	if l.ec != nil {
		namespace = l.ec.GetNamespace()
	}

	return l.awaitGone(ctx, []located{
		{l.stack.Konflux, l.claim},
		{l.stack.Konflux, object("v1", "Secret", l.Namespace, l.secretName())},
		{l.stack.Konflux, object("v1", "Secret", v1alpha1.ConnectionSecretNamespace, "credentials-"+composite)},
		{l.stack.AppCI, l.ec},
		{l.stack.AppCI, object("v1", "Secret", namespace, apiv1.CredentialsSecretName(composite))},
	})
}

// AwaitObjectsGone waits until provider-kubernetes has let go of what it had made of
// a deleted claim. It looks whether it may only now and then, less often with time.
func (l *Life) AwaitObjectsGone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()

	composite := l.ec.GetName()

	apiVersion, namespace, credentials := "kubernetes.crossplane.io/v1alpha2", "", "credentials-"+composite //nolint:gosec // They are names.
	if l.stack.API == stack.Namespaced {
		// There is one for each name of the Secret.
		sum := sha256.Sum256([]byte(l.secretName()))
		apiVersion, namespace = "kubernetes.m.crossplane.io/v1alpha1", l.Namespace
		credentials += "-" + hex.EncodeToString(sum[:])[:8]
	}

	return l.awaitGone(ctx, []located{
		{l.stack.Konflux, object(apiVersion, "Object", namespace, "managed-"+composite)},
		{l.stack.Konflux, object(apiVersion, "Object", namespace, credentials)},
	})
}

// located is an object of a cluster.
type located struct {
	cluster *stack.Cluster
	object  client.Object
}

func (l *Life) awaitGone(ctx context.Context, gone []located) error {
	for _, g := range gone {
		if g.object.GetName() == "" {
			continue
		}

		if err := g.cluster.AwaitGone(ctx, g.object); err != nil {
			return errors.Wrapf(err, "%s is still there", l.describe(g.object))
		}
	}

	return nil
}

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)

	return u
}

// kubectl runs kubectl with a kubeconfig and returns its standard output.
func (l *Life) kubectl(ctx context.Context, kubeconfig string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, l.stack.Binary(components.Kubectl), append([]string{"--kubeconfig=" + kubeconfig}, args...)...) //nolint:gosec // The arguments are ours.

	stderr := &strings.Builder{}
	cmd.Stderr = stderr

	out, err := cmd.Output()

	return string(out), errors.Wrapf(err, "kubectl %s: %s", args[0], strings.TrimSpace(stderr.String()))
}

func conditionIs(u *unstructured.Unstructured, conditionType, status string) bool {
	for _, c := range conditionsOf(u) {
		if c["type"] == conditionType {
			return c["status"] == status
		}
	}

	return false
}

func conditionsOf(u *unstructured.Unstructured) []map[string]any {
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")

	var conditions []map[string]any

	for _, i := range list {
		if c, ok := i.(map[string]any); ok {
			conditions = append(conditions, c)
		}
	}

	return conditions
}

// conditions renders an object's conditions for people.
func conditions(u *unstructured.Unstructured) string {
	b := &strings.Builder{}

	_, _ = fmt.Fprintf(b, "conditions of %s %s/%s:", u.GetKind(), u.GetNamespace(), u.GetName())

	for _, c := range conditionsOf(u) {
		_, _ = fmt.Fprintf(b, "\n  %v=%v %v %v", c["type"], c["status"], c["reason"], c["message"])
	}

	return b.String()
}

func indent(s string) string {
	return "              " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n              ") + "\n"
}
