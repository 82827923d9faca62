//go:build linux

package life

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// labelProwJob on a Pod names its ProwJob. It is Prow's.
const labelProwJob = "prow.k8s.io/id"

func (l *Life) pipelineStarts(ctx context.Context) (client.Object, error) {
	ns := &corev1.Namespace{}
	key := types.NamespacedName{Name: l.Namespace}

	if err := l.stack.Konflux.Get(ctx, key, ns); err == nil {
		return ns, nil
	}

	if _, err := l.kubectl(ctx, l.stack.Konflux.AdminKubeconfig(), "create", "namespace", l.Namespace); err != nil {
		return nil, err
	}

	return ns, errors.Wrap(l.stack.Konflux.Get(ctx, key, ns), "cannot get the tenant's namespace")
}

func (l *Life) createClaim(ctx context.Context) (client.Object, error) {
	b, err := os.ReadFile(filepath.Clean(l.ClaimFile))
	if err != nil {
		return nil, errors.Wrap(err, "cannot read the claim")
	}

	l.claim = &unstructured.Unstructured{}
	if err := yaml.Unmarshal(b, &l.claim.Object); err != nil {
		return nil, errors.Wrap(err, "cannot parse the claim")
	}

	if _, err := l.kubectl(ctx, l.stack.Konflux.AdminKubeconfig(), "create", "--namespace="+l.Namespace, "--filename="+l.ClaimFile); err != nil {
		return nil, err
	}

	l.claim.SetNamespace(l.Namespace)

	err = l.stack.Konflux.Get(ctx, client.ObjectKeyFromObject(l.claim), l.claim)

	return l.claim, errors.Wrap(err, "cannot get the claim")
}

// awaitClaim waits until the claim matches.
func (l *Life) awaitClaim(ctx context.Context, match func(*unstructured.Unstructured) bool) error {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind + "List"})

	_, err := l.stack.Konflux.Await(ctx, list, func(o client.Object) bool {
		u, ok := o.(*unstructured.Unstructured)
		if !ok || u.GetUID() != l.claim.GetUID() {
			return false
		}

		l.claim = u

		return match(u)
	}, client.InNamespace(l.Namespace))

	return err
}

// awaitEC waits until the EphemeralCluster matches.
func (l *Life) awaitEC(ctx context.Context, match func(*apiv1.EphemeralCluster) bool) error {
	_, err := l.stack.AppCI.Await(ctx, &apiv1.EphemeralClusterList{}, func(o client.Object) bool {
		ec, ok := o.(*apiv1.EphemeralCluster)
		if !ok || ec.GetName() != l.compositeName() {
			return false
		}

		l.ec = ec

		return match(ec)
	})

	return err
}

// compositeName is the name of the composite behind the claim, which is also the
// EphemeralCluster's. That of a namespaced composite is made of its name and UID.
func (l *Life) compositeName() string {
	if l.stack.API == stack.Namespaced {
		const maxPrefix = 26

		name := l.claim.GetName()

		return name[:min(len(name), maxPrefix)] + "-" + string(l.claim.GetUID())
	}

	name, _, _ := unstructured.NestedString(l.claim.Object, "spec", "resourceRef", "name")

	return name
}

func (l *Life) awaitEphemeralCluster(ctx context.Context) (client.Object, error) {
	if err := l.awaitClaim(ctx, func(*unstructured.Unstructured) bool { return l.compositeName() != "" }); err != nil {
		return nil, errors.Wrap(err, "the claim has no composite")
	}

	err := l.awaitEC(ctx, func(*apiv1.EphemeralCluster) bool { return true })

	return l.ec, err
}

// awaitJob waits until the ProwJob matches.
func (l *Life) awaitJob(ctx context.Context, match func(*prowv1.ProwJob) bool) error {
	_, err := l.stack.AppCI.Await(ctx, &prowv1.ProwJobList{}, func(o client.Object) bool {
		pj, ok := o.(*prowv1.ProwJob)
		if !ok {
			return false
		}

		l.prowJob = pj

		return match(pj)
	}, client.MatchingLabels{apiv1.LabelEphemeralCluster: l.ec.GetName()})

	return err
}

func (l *Life) awaitProwJob(ctx context.Context) (client.Object, error) {
	err := l.awaitJob(ctx, func(*prowv1.ProwJob) bool { return true })

	return l.prowJob, err
}

func (l *Life) awaitPod(ctx context.Context) (client.Object, error) {
	if err := l.awaitJob(ctx, func(pj *prowv1.ProwJob) bool { return pj.Status.State != prowv1.SchedulingState }); err != nil {
		return nil, errors.Wrap(err, "the ProwJob is not scheduled")
	}

	return l.BuildCluster().Await(ctx, &corev1.PodList{}, func(o client.Object) bool {
		pod, ok := o.(*corev1.Pod)

		return ok && pod.Status.Phase == corev1.PodRunning
	}, client.MatchingLabels{labelProwJob: l.prowJob.GetName()})
}

func (l *Life) awaitNamespace(ctx context.Context) (client.Object, error) {
	ns, err := l.BuildCluster().Await(ctx, &corev1.NamespaceList{}, func(client.Object) bool { return true },
		client.MatchingLabels{apiv1.LabelJobID: l.prowJob.GetName()})
	if err != nil {
		return nil, err
	}

	l.ciNamespace = ns.GetName()

	return ns, nil
}

// BuildCluster is the build cluster that Prow has given the job to.
func (l *Life) BuildCluster() *stack.Cluster {
	for _, c := range l.stack.BuildClusters() {
		if c.Name == l.prowJob.Spec.Cluster {
			return c
		}
	}

	return l.stack.Build01
}

// awaitSource waits for ci-operator's Secret with the kubeconfig, or Hive's.
func (l *Life) awaitSource(ctx context.Context) (client.Object, error) {
	name := apiv1.TestName
	if l.ec.Spec.CIOperator.Test.ClusterClaim != nil {
		name += "-hive-admin-kubeconfig"
	}

	return l.BuildCluster().Await(ctx, &corev1.SecretList{}, func(o client.Object) bool {
		s, ok := o.(*corev1.Secret)

		return ok && s.GetName() == name && len(s.Data[apiv1.KeyKubeconfig]) > 0
	}, client.InNamespace(l.ciNamespace))
}

func (l *Life) awaitPublished(ctx context.Context) (client.Object, error) {
	err := l.awaitEC(ctx, func(ec *apiv1.EphemeralCluster) bool {
		return ec.Status.SecretRef != "" && ec.Status.IsTrue(apiv1.ConditionClusterReady) && ec.Status.Phase == apiv1.PhaseReady
	})

	return l.ec, err
}

func (l *Life) awaitTenantSecret(ctx context.Context) (client.Object, error) {
	if err := l.awaitClaim(ctx, func(u *unstructured.Unstructured) bool {
		return conditionIs(u, string(apiv1.ConditionClusterReady), "True") && conditionIs(u, "Ready", "True")
	}); err != nil {
		return nil, errors.Wrap(err, "the claim is not ready")
	}

	o, err := l.stack.Konflux.Await(ctx, &corev1.SecretList{}, func(o client.Object) bool {
		s, ok := o.(*corev1.Secret)

		return ok && s.GetName() == l.secretName() && len(s.Data[apiv1.KeyKubeconfig]) > 0
	}, client.InNamespace(l.Namespace))
	if err != nil {
		return nil, errors.Wrap(err, "the tenant's Secret has no kubeconfig")
	}

	l.kubeconfig = l.kubeconfigPath()

	secret, ok := o.(*corev1.Secret)
	if !ok {
		return nil, errors.Errorf("cannot use a %T as a Secret", o)
	}

	return o, errors.Wrap(os.WriteFile(l.kubeconfig, secret.Data[apiv1.KeyKubeconfig], 0o600), "cannot write the tenant's kubeconfig")
}

// secretName is the Secret that the claim asks its credentials to be written to.
func (l *Life) secretName() string {
	name, _, _ := unstructured.NestedString(l.claim.Object, "spec", "writeConnectionSecretToRef", "name")

	return name
}

// writeResults reads back what the task would write as its results.
func (l *Life) writeResults(ctx context.Context) (client.Object, error) {
	out, err := l.kubectl(ctx, l.stack.Konflux.AdminKubeconfig(), "get", v1alpha1.Plural+"."+v1alpha1.Group, l.claim.GetName(),
		"--namespace="+l.Namespace, "--output=jsonpath={.spec.writeConnectionSecretToRef.name}")
	if err != nil {
		return nil, err
	}

	if strings.TrimSpace(out) != l.secretName() {
		return nil, errors.Errorf("the claim's Secret is %q, not %q", strings.TrimSpace(out), l.secretName())
	}

	return l.claim, nil
}
