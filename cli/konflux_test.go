package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
)

const (
	// patient is how long anything may take that is about to happen.
	patient = time.Minute

	// password is of no use, but must not be seen.
	password = "kubeadmin-TOPSECRET"
)

// konflux is a Konflux cluster whose Crossplane is played by tests.
type konflux struct {
	env    *envtest.Environment
	admin  *rest.Config
	claims dynamic.NamespaceableResourceInterface
	core   *corev1client.CoreV1Client
	rbac   *rbacv1client.RbacV1Client

	// credentials are the kubeconfig that Secrets hold. They are good for this very
	// cluster, so that they can be tried.
	credentials []byte
}

// startKonflux starts a cluster that serves a form of the API.
func startKonflux(t *testing.T, api xrdtest.API, configure ...func(env *envtest.Environment)) *konflux {
	t.Helper()

	log.SetLogger(logr.Discard())

	k := &konflux{env: &envtest.Environment{
		CRDs: []*extv1.CustomResourceDefinition{xrdtest.CRD(t, api)},
	}}
	for _, c := range configure {
		c(k.env)
	}

	cfg := apiserver.Start(t, k.env)

	cfg.QPS = -1
	k.admin = cfg

	claims, err := dynamic.NewForConfig(cfg)
	must(t, err)

	k.claims = claims.Resource(tenant.Resource())

	k.core, err = corev1client.NewForConfig(cfg)
	must(t, err)

	k.rbac, err = rbacv1client.NewForConfig(cfg)
	must(t, err)

	k.credentials, err = k.user(t, envtest.User{Name: "ephemeral", Groups: []string{"system:masters"}}).KubeConfig()
	must(t, err)

	k.awaitSchema(t, cfg)

	return k
}

func must(t *testing.T, err error) {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
}

// eventually awaits a condition.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()

	if err := poll(t.Context(), condition); err != nil {
		t.Fatalf("%s did not happen within %s: %v", what, patient, err)
	}
}

// poll returns what is wrong with a condition after it was for too long.
func poll(ctx context.Context, condition func() error) error {
	var wrong error

	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patient, true, func(context.Context) (bool, error) {
		wrong = condition()

		return wrong == nil, nil
	})
	if err == nil {
		return nil
	}

	return wrong
}

// awaitSchema waits until the schema is published, which takes a little longer than
// for the CRD to be served.
func (k *konflux) awaitSchema(t *testing.T, cfg *rest.Config) {
	t.Helper()

	disco, err := discovery.NewDiscoveryClientForConfig(cfg)
	must(t, err)

	eventually(t, "publishing the schema", func() error {
		_, err := served.Fetch(disco.OpenAPIV3(), tenant.Kind())

		return err
	})
}

func (k *konflux) user(t *testing.T, u envtest.User) *envtest.AuthenticatedUser {
	t.Helper()

	user, err := k.env.AddUser(u, nil)
	must(t, err)

	return user
}

// tenant makes a namespace and returns its tenant, who may do there what is needed.
func (k *konflux) tenant(t *testing.T, namespace string) *envtest.AuthenticatedUser {
	t.Helper()

	_, err := k.core.Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(t, err)

	_, err = k.rbac.Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "tenant"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.Group}, Resources: []string{v1alpha1.Plural}, Verbs: []string{"create", "delete", "get", "list", "patch", "watch"}},
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list"}},
		},
	}, metav1.CreateOptions{})
	must(t, err)

	_, err = k.rbac.RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tenant"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: namespace}},
	}, metav1.CreateOptions{})
	must(t, err)

	u := k.user(t, envtest.User{Name: namespace})

	// The API server heeds a binding that has just been made in a moment.
	claims, err := dynamic.NewForConfig(u.Config())
	must(t, err)
	must(t, poll(t.Context(), func() error {
		_, err := claims.Resource(tenant.Resource()).Namespace(namespace).List(t.Context(), metav1.ListOptions{})

		return err
	}))

	return u
}

// kubeconfig makes a namespace and returns a file with which its tenant reaches it.
func (k *konflux) kubeconfig(t *testing.T, namespace string) string {
	t.Helper()

	b, err := k.tenant(t, namespace).KubeConfig()
	must(t, err)

	file := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, os.WriteFile(file, b, 0o600))

	return file
}

// await returns a claim once it exists.
func (k *konflux) await(ctx context.Context, namespace, name string) (u *unstructured.Unstructured, err error) {
	return u, poll(ctx, func() error {
		u, err = k.claims.Namespace(namespace).Get(ctx, name, metav1.GetOptions{})

		return err
	})
}

// report makes a claim say what it does at a stage of a life.
func (k *konflux) report(ctx context.Context, namespace, name string, stage life.Stage) error {
	conditions := life.Conditions(stage, time.Now())
	if conditions == nil {
		return errors.Errorf("there is no stage %q", stage)
	}

	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": conditions, "prowJobId": life.ProwJobID}})
	if err != nil {
		return err
	}

	// The claim may not be there yet, and the API server may be restarting.
	return poll(ctx, func() error {
		_, err := k.claims.Namespace(namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")

		return err
	})
}

// publish writes the Secret of a claim, as Crossplane does.
func (k *konflux) publish(ctx context.Context, namespace, name string) error {
	u, err := k.await(ctx, namespace, name)
	if err != nil {
		return err
	}

	secret, _, _ := unstructured.NestedString(u.Object, "spec", "writeConnectionSecretToRef", "name")

	_, err = k.core.Secrets(namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: secret, OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(u, tenant.Kind())}},
		Type:       "connection.crossplane.io/v1alpha1",
		Data:       map[string][]byte{"kubeconfig": k.credentials, "kubeAdminPassword": []byte(password)},
	}, metav1.CreateOptions{})

	return err
}
