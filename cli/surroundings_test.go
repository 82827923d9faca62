package main

import (
	stdcmp "cmp"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

// ages differ each time.
var ages = regexp.MustCompile(`created \d+s ago`)

// pipelineRuns is as much of Tekton's definition as an owner needs.
func pipelineRuns() *extv1.CustomResourceDefinition {
	return &extv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "pipelineruns.tekton.dev"},
		Spec: extv1.CustomResourceDefinitionSpec{
			Group: "tekton.dev",
			Names: extv1.CustomResourceDefinitionNames{Plural: "pipelineruns", Singular: "pipelinerun", Kind: "PipelineRun", ListKind: "PipelineRunList"},
			Scope: extv1.NamespaceScoped,
			Versions: []extv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &extv1.CustomResourceValidation{OpenAPIV3Schema: &extv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)}},
			}},
		},
	}
}

// pipelineRun makes a PipelineRun, and returns it as --owner names it.
func (k *konflux) pipelineRun(t *testing.T, namespace, name string) string {
	t.Helper()

	c, err := dynamic.NewForConfig(k.admin)
	must(t, err)

	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": map[string]any{"name": name}}}

	u, err = c.Resource(schema.GroupVersionResource{Group: "tekton.dev", Version: "v1", Resource: "pipelineruns"}).Namespace(namespace).Create(t.Context(), u, metav1.CreateOptions{})
	must(t, err)

	return "PipelineRun/" + name + "/" + string(u.GetUID())
}

// allow lets a tenant get more than claims.
func (k *konflux) allow(t *testing.T, namespace string, rules ...rbacv1.PolicyRule) {
	t.Helper()

	r, err := k.rbac.Roles(namespace).Get(t.Context(), "tenant", metav1.GetOptions{})
	must(t, err)

	r.Rules = append(r.Rules, rules...)

	_, err = k.rbac.Roles(namespace).Update(t.Context(), r, metav1.UpdateOptions{})
	must(t, err)
}

// tpc runs in this process.
func tpc(args ...string) (code int, errs *buffer) {
	errs = &buffer{}

	return run(append([]string{"tpc"}, args...), &world{out: &buffer{}, err: errs, patience: usualPatience()}), errs
}

// What a cluster is to belong to, and where its kubeconfig is to be, is looked at before
// anything is created.
func TestSurroundings(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims, func(env *envtest.Environment) { env.CRDs = append(env.CRDs, pipelineRuns()) })
	file := k.kubeconfig(t, "tenant-a")
	k.allow(t, "tenant-a", rbacv1.PolicyRule{APIGroups: []string{"tekton.dev"}, Resources: []string{"pipelineruns"}, Verbs: []string{"get"}})

	owner := k.pipelineRun(t, "tenant-a", "run-1")

	for _, s := range []*corev1.Secret{
		{ObjectMeta: metav1.ObjectMeta{Name: "mine"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "left", OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "ci.openshift.org/v1alpha1", Kind: "TestPlatformCluster", Name: "demo", UID: "former", Controller: new(true)},
		}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "managed", OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "example.org/v1", Kind: "Manager", Name: "m", UID: "some", Controller: new(true)},
		}}},
	} {
		_, err := k.core.Secrets("tenant-a").Create(t.Context(), s, metav1.CreateOptions{})
		must(t, err)
	}

	code, errs := tpc("provision", "--kubeconfig="+file, "--namespace=tenant-a", "--name=other", "--secret-name=others", "--workflow=w", `--cluster-claim={cloud: aws, owner: o, version: "4.20"}`)
	if code != 0 {
		t.Fatal(errs)
	}

	cases := map[string]struct {
		reason   string
		name     string
		args     []string
		wantCode int
		wantErr  string
	}{
		"Owner": {
			reason: "An owner that exists is one.",
			name:   "owned",
			args:   []string{"--owner=" + owner},
		},
		"NoOwner": {
			reason:   "What has an owner that does not exist would be deleted at once.",
			args:     []string{"--owner=PipelineRun/run-2/7c1d"},
			wantCode: exitUsage,
			wantErr:  "tpc: --owner: PipelineRun run-2 with UID 7c1d does not exist in namespace tenant-a, and what an owner that does not exist owns is deleted\n",
		},
		"FormerOwner": {
			reason:   "Another of its name is another.",
			args:     []string{"--owner=PipelineRun/run-1/7c1d"},
			wantCode: exitUsage,
			wantErr:  "tpc: --owner: PipelineRun run-1 with UID 7c1d does not exist in namespace tenant-a, and what an owner that does not exist owns is deleted\n",
		},
		"UnknownOwner": {
			reason: "What must not be looked at is taken.",
			name:   "unknown-owner",
			args:   []string{"--owner=TaskRun/task-1/7c1d"},
		},
		"SecretOfNobody": {
			reason:   "What was there is not a cluster's to have.",
			args:     []string{"--secret-name=mine"},
			wantCode: exitUsage,
			wantErr:  "tpc: --secret-name: Secret \"mine\" exists, and was not made for a cluster: choose another\n",
		},
		"SecretOfAnother": {
			reason:   "Nor is what somebody else looks after.",
			args:     []string{"--secret-name=managed", "--dry-run"},
			wantCode: exitUsage,
			wantErr:  "tpc: --secret-name: Secret \"managed\" exists, and is that of Manager m: choose another\n",
		},
		"SecretToCome": {
			reason:   "Another cluster will have it, once it is ready.",
			args:     []string{"--secret-name=others"},
			wantCode: exitUsage,
			wantErr:  "tpc: --secret-name: Secret \"others\" is that of TestPlatformCluster other: choose another\n",
		},
		"SecretLeft": {
			reason: "What an earlier one of its name has left behind goes.",
			name:   "demo",
			args:   []string{"--secret-name=left"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			args := arguments(append(tc.args, "--kubeconfig="+file, "--namespace=tenant-a")...)
			args[1] = "--name=" + stdcmp.Or(tc.name, "refused")

			code, errs := tpc(args...)
			if code != tc.wantCode {
				t.Errorf("%s\nexit code: want %d, got %d", tc.reason, tc.wantCode, code)
			}

			if diff := cmp.Diff(tc.wantErr, errs.String()); diff != "" {
				t.Errorf("%s\nstandard error: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// Who may not read Secrets goes by what the claim says, and says so.
func TestSecretsUnseen(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	file := k.kubeconfig(t, "tenant-a")

	r, err := k.rbac.Roles("tenant-a").Get(t.Context(), "tenant", metav1.GetOptions{})
	must(t, err)

	r.Rules = r.Rules[:1]

	_, err = k.rbac.Roles("tenant-a").Update(t.Context(), r, metav1.UpdateOptions{})
	must(t, err)

	started := launch(t, file, arguments("--namespace=tenant-a", "--wait", "--deprovision-on-failure")...)
	started.await(t, "created in namespace")
	must(t, k.report(t.Context(), "tenant-a", "demo", life.Ready))
	started.exits(t, 0)

	if want := "the Secret was not looked at, which takes the right to get Secrets: the claim says that it has the kubeconfig\n"; !strings.HasSuffix(started.out.String(), want) {
		t.Errorf("standard output: want it to end with %q, got:\n%s", want, started.out)
	}

	if diff := cmp.Diff("", started.err.String()); diff != "" {
		t.Errorf("standard error: -want, +got:\n%s", diff)
	}
}

// A PipelineRun that is made again under its name has tasks of the same names. What its
// predecessor had is about to be deleted, and is waited for.
func TestEarlierRun(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	file := k.kubeconfig(t, "tenant-a")
	args := func(owner string) []string {
		return arguments("--namespace=tenant-a", "--wait", "--deprovision-on-failure", "--owner="+owner)
	}
	claims := k.claims.Namespace("tenant-a")

	first := launch(t, file, args("PipelineRun/run-1/first")...)
	first.await(t, "created in namespace")

	// Crossplane would keep it until the composite is deleted.
	_, err := claims.Patch(t.Context(), "demo", types.MergePatchType, []byte(`{"metadata": {"finalizers": ["test.example/kept"]}}`), metav1.PatchOptions{})
	must(t, err)

	second := launch(t, file, args("PipelineRun/run-1/second")...)
	second.await(t, `^TestPlatformCluster demo of PipelineRun run-1 of UID first, created \d+s ago, is in the way: waiting until it is deleted$`)

	must(t, claims.Delete(t.Context(), "demo", metav1.DeleteOptions{}))
	first.exits(t, exitFailed)

	if want := "the TestPlatformCluster is being deleted, as it is when its owner, PipelineRun run-1 of UID first, does not exist\n"; !strings.HasSuffix(first.err.String(), want) {
		t.Errorf("standard error of the first: want it to end with %q, got:\n%s", want, first.err)
	}

	_, err = claims.Patch(t.Context(), "demo", types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
	must(t, err)

	second.await(t, "^TestPlatformCluster demo created in namespace tenant-a$")
	must(t, k.report(t.Context(), "tenant-a", "demo", life.Ready))
	must(t, k.publish(t.Context(), "tenant-a", "demo"))
	second.exits(t, 0)

	// One that has another owner, or none, is nobody's to wait for.
	third := launch(t, file, args("PipelineRun/run-2/third")...)
	third.exits(t, exitFailed)

	got := ages.ReplaceAllString(third.err.String(), "created Ns ago")
	want := "tpc: TestPlatformCluster demo of PipelineRun run-1 of UID second, created Ns ago, exists in namespace tenant-a and asks for something else: choose another --name, or delete it first\n"

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("standard error of the third: -want, +got:\n%s", diff)
	}
}

// Nobody may ever delete it. Who waits for that says so in the end.
func TestEarlierRunStays(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	file := k.kubeconfig(t, "tenant-a")
	args := func(owner string) []string {
		return append([]string{"tpc"}, arguments("--kubeconfig="+file, "--namespace=tenant-a", "--owner="+owner)...)
	}

	errs := &buffer{}
	w := &world{out: &buffer{}, err: errs, patience: patience{ask: 3 * time.Second}}

	if code := run(args("PipelineRun/run-1/first"), w); code != 0 {
		t.Fatal(errs)
	}

	code := run(args("PipelineRun/run-1/second"), &world{out: &buffer{}, err: errs, patience: w.patience})
	got := ages.ReplaceAllString(errs.String(), "created Ns ago")
	want := "tpc: TestPlatformCluster demo of PipelineRun run-1 of UID first, created Ns ago, exists in namespace tenant-a, and nobody has deleted it for 3s: delete it first\n"

	if diff := cmp.Diff(want, got); diff != "" || code != exitFailed {
		t.Errorf("exit code: want %d, got %d; standard error: -want, +got:\n%s", exitFailed, code, diff)
	}
}
