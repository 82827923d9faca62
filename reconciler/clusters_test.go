package main

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// clusters are the two API servers, with rights to do anything there.
type clusters struct {
	t     *testing.T
	app   client.Client
	build client.Client
	logs  *logs

	// health and metrics are the reconciler's addresses.
	health, metrics string

	// gate is the way to build02, which is build01 by another name.
	gate *gate

	// patience is how long to wait for what must come true.
	patience time.Duration
}

// grant gives the reconciler its rights, and no more.
func (c *clusters) grant() {
	c.t.Helper()

	events := rbacv1.PolicyRule{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}}
	c.role(c.app, "ephemeral-cluster",
		rbacv1.PolicyRule{APIGroups: []string{"ci.openshift.io"}, Resources: []string{"ephemeralclusters"}, Verbs: []string{"get", "list", "watch", "patch"}},
		rbacv1.PolicyRule{APIGroups: []string{"ci.openshift.io"}, Resources: []string{"ephemeralclusters/status"}, Verbs: []string{"patch"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "create", "update"}},
		events,
	)
	c.role(c.app, "ci",
		rbacv1.PolicyRule{APIGroups: []string{"prow.k8s.io"}, Resources: []string{"prowjobs"}, Verbs: []string{"get", "list", "watch", "create", "patch"}},
		rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}},
		events,
	)

	cr := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reconciler"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"list", "watch"}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list", "watch"}, ResourceNames: []string{
			"cluster-provisioning", "cluster-provisioning-hive-admin-kubeconfig", "cluster-provisioning-hive-admin-password",
		}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}},
	}}
	crb := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reconciler"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "reconciler"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "reconciler"}},
	}

	for _, o := range []client.Object{cr, crb} {
		c.create(c.build, o)
	}
}

func (c *clusters) role(cl client.Client, namespace string, rules ...rbacv1.PolicyRule) {
	c.t.Helper()

	meta := metav1.ObjectMeta{Namespace: namespace, Name: "reconciler"}
	c.create(cl, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	c.create(cl, &rbacv1.Role{ObjectMeta: meta, Rules: rules})
	c.create(cl, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reconciler"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "reconciler"}},
	})
}

func (c *clusters) with(t *testing.T) *clusters {
	t.Helper()

	out := *c
	out.t = t

	return &out
}

func (c *clusters) create(cl client.Client, o client.Object) {
	c.t.Helper()

	if err := cl.Create(c.t.Context(), o); err != nil {
		c.t.Fatalf("cannot create %T %s: %v", o, o.GetName(), err)
	}
}

func (c *clusters) until(what string, fn wait.ConditionWithContextFunc) {
	c.t.Helper()

	if err := wait.PollUntilContextTimeout(c.t.Context(), 10*time.Millisecond, c.patience, true, fn); err != nil {
		c.t.Fatalf("want that %s: %v", what, err)
	}
}

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: v1.DefaultNamespace, Name: name}
}

func (c *clusters) createCluster(name string, test v1.Test) {
	c.t.Helper()

	ec := &v1.EphemeralCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: v1.DefaultNamespace, Name: name, Annotations: map[string]string{
			v1.AnnotationKonfluxTenant: "team-a", v1.AnnotationKonfluxCluster: "stone-prd-rh01",
		}},
		Spec: v1.EphemeralClusterSpec{CIOperator: v1.CIOperatorSpec{
			Releases: map[string]v1.Release{"latest": {Candidate: &v1.Candidate{Product: "ocp", Stream: "nightly", Version: "4.20"}}},
			Test:     test,
		}},
	}
	c.create(c.app, ec)
}

func (c *clusters) job(name string) *prowv1.ProwJob {
	c.t.Helper()

	ec, pj := &v1.EphemeralCluster{}, &prowv1.ProwJob{}
	c.until("there is a ProwJob", func(ctx context.Context) (bool, error) {
		if err := c.app.Get(ctx, key(name), ec); err != nil {
			return false, err
		}

		err := c.app.Get(ctx, types.NamespacedName{Namespace: "ci", Name: prowjob.Name(ec.GetUID())}, pj)

		return err == nil, client.IgnoreNotFound(err)
	})

	return pj
}

// runJob schedules and starts the ProwJob, as Prow does.
func (c *clusters) runJob(name string) *prowv1.ProwJob {
	c.t.Helper()

	return c.runJobOn(name, "build01")
}

func (c *clusters) runJobOn(name, cluster string) *prowv1.ProwJob {
	c.t.Helper()

	pj := c.job(name)
	if pj.Status.State != prowv1.SchedulingState {
		c.t.Errorf("want the ProwJob created for the scheduler, got state %q", pj.Status.State)
	}

	if pj.Spec.PodSpec.PriorityClassName != "ci" {
		c.t.Errorf("want the pod template used, got %+v", pj.Spec.PodSpec)
	}

	before := pj.DeepCopy()
	pj.Spec.Cluster = cluster
	pj.Status.State = prowv1.PendingState
	pj.Status.URL = "https://prow.example.com/" + name

	if err := c.app.Patch(c.t.Context(), pj, client.MergeFrom(before)); err != nil {
		c.t.Fatal(err)
	}

	return pj
}

func (c *clusters) endJob(pj *prowv1.ProwJob, s prowv1.ProwJobState) {
	c.t.Helper()

	before := pj.DeepCopy()
	pj.Status.State = s
	pj.SetComplete()

	if err := c.app.Patch(c.t.Context(), pj, client.MergeFrom(before)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clusters) createNamespace(name string, pj *prowv1.ProwJob) {
	c.t.Helper()
	c.create(c.build, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelJobID: pj.GetName()}}})
}

func (c *clusters) createSecret(namespace, name string, data map[string][]byte) {
	c.t.Helper()
	c.create(c.build, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data})
}

// publish fills a Secret on the build cluster, and returns how long it took until
// the credentials were published.
func (c *clusters) publish(name, namespace, secret string, data map[string][]byte) time.Duration {
	c.t.Helper()

	if err := c.build.Update(c.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: secret}, Data: data}); err != nil {
		c.t.Fatal(err)
	}

	began := time.Now()

	c.phase(name, v1.PhaseReady, "")

	took := time.Since(began)

	s := &corev1.Secret{}
	if err := c.app.Get(c.t.Context(), key(name+"-credentials"), s); err != nil || string(s.Data["kubeconfig"]) != canary {
		c.t.Errorf("want the credentials published, got error %v", err)
	}

	if _, ok := s.Data["kubeAdminPassword"]; !ok {
		c.t.Error("want kubeAdminPassword always there")
	}

	return took
}

// phase waits for a phase and, with a message, for a condition that has it.
func (c *clusters) phase(name string, p v1.Phase, message string) {
	c.t.Helper()
	c.until(name+" is "+string(p)+" "+message, func(ctx context.Context) (bool, error) {
		ec := &v1.EphemeralCluster{}
		if err := c.app.Get(ctx, key(name), ec); err != nil {
			return false, err
		}

		found := message == ""
		for _, cond := range ec.Status.Conditions {
			found = found || cond.Message == message
		}

		return ec.Status.Phase == p && found, nil
	})
}

func (c *clusters) tearDown(name string) {
	c.t.Helper()

	ec := &v1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{Namespace: v1.DefaultNamespace, Name: name}}
	patch := client.RawPatch(types.JSONPatchType, []byte(`[{"op":"add","path":"/spec/tearDownCluster","value":true}]`))

	if err := c.app.Patch(c.t.Context(), ec, patch); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clusters) deleteCluster(name string) {
	c.t.Helper()

	if err := c.app.Delete(c.t.Context(), &v1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{Namespace: v1.DefaultNamespace, Name: name}}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clusters) gone(name string) {
	c.t.Helper()
	c.until(name+" is gone", func(ctx context.Context) (bool, error) {
		err := c.app.Get(ctx, key(name), &v1.EphemeralCluster{})

		return kerrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

// signalled waits until ci-operator has the signal, and until the EphemeralCluster says
// so: a ProwJob that ends before that, as none does that takes down a cluster, is one
// whose tear-down nobody saw begin.
func (c *clusters) signalled(name, namespace string) {
	c.t.Helper()
	c.until(namespace+" has the signal", func(ctx context.Context) (bool, error) {
		err := c.build.Get(ctx, types.NamespacedName{Namespace: namespace, Name: v1.SecretTestDone}, &corev1.Secret{})

		return err == nil, client.IgnoreNotFound(err)
	})
	c.until(name+" says that it is being torn down", func(ctx context.Context) (bool, error) {
		ec := &v1.EphemeralCluster{}
		err := c.app.Get(ctx, key(name), ec)

		return ec.Status.IsTrue(v1.ConditionTestCompleted), err
	})
}
