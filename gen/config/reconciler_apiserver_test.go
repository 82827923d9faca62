package config

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	appsv1 "k8s.io/api/apps/v1"
	authnv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/appci"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
)

func newProwJob(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()

	u := object(t, "{apiVersion: prow.k8s.io/v1, kind: ProwJob, metadata: {namespace: ci}, spec: {agent: kubernetes, type: periodic, job: j}, status: {startTime: '2026-01-01T00:00:00Z', state: scheduling}}")
	u.SetName(name)

	return u
}

func newLease(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()

	u := object(t, "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: ci}}")
	u.SetName(name)

	return u
}

func newEvent(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()

	u := object(t, "{apiVersion: v1, kind: Event, metadata: {name: e}, involvedObject: {}, reason: r, type: Normal}")
	u.SetNamespace(namespace)
	u.Object["involvedObject"] = map[string]any{"namespace": namespace}

	return u
}

// issuesToken tries to have a token of a ServiceAccount issued.
func issuesToken(namespace, name string) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}

		return c.SubResource("token").Create(ctx, account, &authnv1.TokenRequest{}, client.DryRunAll)
	}
}

func testReconcilerOnAppCI(t *testing.T, c *cluster) {
	t.Helper()

	const namespace = "ephemeral-cluster-staging"

	ec := newEC(t, namespace, "another", "stg-1", "team-a")
	credentials := newSecret(namespace, "another-credentials")
	job := newProwJob(t, "job")
	lease := newLease(t, "ephemeral-cluster-reconciler")
	prows := newLease(t, "prow-controller-manager-leader-lock")

	// It is what was read, as whoever tries to take it may have seen it.
	c.create(t, prows)
	c.create(t, copyOf(ec), copyOf(credentials), copyOf(job), copyOf(lease), newSecret(environments.ProwNamespace, "build-clusters"))

	r := c.asAccount(t, environments.ProwNamespace, appci.Reconciler)

	attempts(t, map[string]attempt{
		"ListECs":         {"It watches EphemeralClusters.", r, lists(ec, client.InNamespace(namespace)), true},
		"ListECsAll":      {"In its namespaces.", r, lists(ec), false},
		"PatchEC":         {"It sets and drops its finalizer.", r, patches(ec, `{"metadata": {"finalizers": ["ephemeralcluster.ci.openshift.io/dependent-prowjob"]}}`), true},
		"PatchStatus":     {"It reports.", r, patchesStatus(ec, `{"status": {"phase": "Ready"}}`), true},
		"CreateEC":        {"It asks for no cluster itself.", r, creates(newEC(t, namespace, "new", "stg-1", "team-a")), false},
		"DeleteEC":        {"And takes none away.", r, deletes(ec), false},
		"ChangeTenant":    {"A tenant's cluster stays the tenant's.", r, patches(ec, annotate(annotationTenant, "team-b")), false},
		"GetSecret":       {"It reads the credentials that it published.", r, gets(credentials), true},
		"CreateSecret":    {"It publishes credentials.", r, creates(newSecret(namespace, "new-credentials")), true},
		"UpdateSecret":    {"It corrects them.", r, updates(credentials), true},
		"ListSecrets":     {"It does not go looking for them.", r, lists(credentials, client.InNamespace(namespace)), false},
		"DeleteSecret":    {"Their owner takes them away.", r, deletes(credentials), false},
		"ReadKubeconfigs": {"It has build clusters' kubeconfigs as files.", r, gets(newSecret(environments.ProwNamespace, "build-clusters")), false},
		"ReadToken":       {"It reads no tokens.", r, gets(newSecret(environments.CredentialsNamespace, "konflux-staging-token-v1")), false},
		"CreateJob":       {"It makes ProwJobs.", r, creates(newProwJob(t, "new")), true},
		"AbortJob":        {"It aborts them.", r, patches(job, `{"status": {"state": "aborted"}}`), true},
		"DeleteJob":       {"Prow deletes them.", r, deletes(job), false},
		"ReadPods":        {"Pods are Prow's.", r, lists(&corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}}, client.InNamespace("ci")), false},
		"CreateLease":     {"It takes part in the election of its leader.", r, creates(newLease(t, "new")), true},
		"UpdateLease":     {"It holds its Lease.", r, updatesFresh(lease), true},
		"TakeLease":       {"But no other's.", r, updates(prows), false},
		"CreateEvent":     {"It records events.", r, creates(newEvent(t, namespace)), true},
		"CreateEventInCI": {"Of its election too.", r, creates(newEvent(t, "ci")), true},
	}, "ListECs", "ChangeTenant")
}

// TestReconcilerOnBuildCluster tries what it may and may not do on a build cluster.
func TestReconcilerOnBuildCluster(t *testing.T) {
	p := newCheckout(t, repository)
	generate(t, p)

	c := startCluster(t, nil, nil, environments.ProwNamespace, "other")
	c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ci-op-1", Labels: map[string]string{"ci.openshift.io/jobid": "job"}}})
	c.apply(t, filepath.Join(p.Root, p.Out, "build-farm"))

	provisioning := newSecret("ci-op-1", "cluster-provisioning")
	c.create(t, copyOf(provisioning), newSecret("ci-op-1", "pull-secret"))

	r := c.asAccount(t, environments.ProwNamespace, appci.Reconciler)
	named := func(name string) client.ListOption { return client.MatchingFields{"metadata.name": name} }

	attempts(t, map[string]attempt{
		"ListNamespaces":   {"It finds ci-operator's namespaces.", r, lists(&corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}), true},
		"CreateNamespace":  {"It makes none.", r, creates(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "new"}}), false},
		"ListProvisioning": {"It reads what ci-operator makes for it.", r, lists(provisioning, named("cluster-provisioning")), true},
		"ListKubeconfig":   {"And what Hive does.", r, lists(provisioning, named("cluster-provisioning-hive-admin-kubeconfig")), true},
		"ListPassword":     {"All of it.", r, lists(provisioning, named("cluster-provisioning-hive-admin-password")), true},
		"ListPullSecrets":  {"But no other Secret.", r, lists(provisioning, named("pull-secret")), false},
		"ListSecrets":      {"And not all of them.", r, lists(provisioning), false},
		"GetSecret":        {"A watch is all it takes.", r, gets(newSecret("ci-op-1", "pull-secret")), false},
		"Signal":           {"It tells ci-operator that the test is done.", r, creates(newSecret("ci-op-1", "test-done-signal")), true},
		"CreateSecret":     {"It creates no other Secret.", r, creates(newSecret("ci-op-1", "another")), false},
		"SignalElsewhere":  {"Nor any where ci-operator is not.", r, creates(newSecret("other", "test-done-signal")), false},
		"ReadToken":        {"Not even its own token.", r, gets(newSecret("ci", "ephemeralcluster-reconciler-token-v2")), false},
		"ReadsToken":       {"Which is there.", c.as(t, "somebody", "system:masters"), gets(newSecret("ci", "ephemeralcluster-reconciler-token-v2")), true},
		"PatchSecret":      {"It changes none.", r, patches(provisioning, `{"data": {}}`), false},
		"DeleteSecret":     {"And deletes none.", r, deletes(provisioning), false},
	}, "ListNamespaces", "CreateSecret")
}

// TestReconcilerTakesFlags runs the reconciler with the flags of its Deployment. It
// exits with 1 because it finds none of the files, and would with 2 if it did not
// understand a flag.
func TestReconcilerTakesFlags(t *testing.T) {
	if os.Getenv(assets) == "" {
		t.Skipf("without %s nothing is built", assets)
	}

	p := newCheckout(t, fixture)
	generate(t, p)

	_, content, _ := strings.Cut(tree(t, p, p.Out)["app.ci/reconciler.yaml"], "\n")
	doc, _, _ := strings.Cut(content, "\n---\n")

	d := &appsv1.Deployment{}
	if err := yaml.Unmarshal([]byte(doc), d); err != nil {
		t.Fatal(err)
	}

	program := filepath.Join(t.TempDir(), "reconciler")
	run(t, nil, "go", "build", "-o", program, "../../reconciler")

	// To understand this one it looks for the directory.
	args := d.Spec.Template.Spec.Containers[0].Args
	for i, a := range args {
		if strings.HasPrefix(a, "--kubeconfig-dir=") {
			args[i] = "--kubeconfig-dir=" + t.TempDir()
		}
	}

	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()

	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "cannot load Prow's configuration") {
		t.Errorf("The reconciler understands its flags, got %v:\n%s", err, out)
	}
}
