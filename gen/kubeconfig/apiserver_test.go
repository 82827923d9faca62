package kubeconfig

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
)

const (
	canary = "canary-token"
)

// start starts a control plane with a ServiceAccount that has some rights, and
// Secrets that may or may not be its long-lived token.
func start(t *testing.T) *rest.Config {
	t.Helper()

	cfg := apiserver.Start(t, &envtest.Environment{})

	kube, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}

	secret := func(name, account string, typ corev1.SecretType, token string) *corev1.Secret {
		s := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "credentials", Name: name, Annotations: map[string]string{corev1.ServiceAccountNameKey: account}},
			Type:       typ,
		}
		if token != "" {
			s.Data = map[string][]byte{corev1.ServiceAccountTokenKey: []byte(token)}
		}

		return s
	}

	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "credentials"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "clusters"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "credentials", Name: "konflux"}},
		&rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: "clusters", Name: "konflux"},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{"ci.openshift.io"}, Resources: []string{"ephemeralclusters"}, Verbs: []string{"patch", "get"}},
				{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"one"}},
			},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: "clusters", Name: "konflux"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "konflux"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "credentials", Name: "konflux"}},
		},
		secret("token-v1", "konflux", corev1.SecretTypeServiceAccountToken, canary),
		secret("token-v2", "konflux", corev1.SecretTypeServiceAccountToken, ""),
		secret("opaque", "konflux", corev1.SecretTypeOpaque, canary),
	} {
		if err := kube.Create(t.Context(), o); err != nil {
			t.Fatalf("cannot create %s: %v", o.GetName(), err)
		}
	}

	return cfg
}

func TestIssueAndExamine(t *testing.T) {
	cfg := start(t)

	b, err := Issue(t.Context(), cfg, Request{Namespace: "credentials", ServiceAccount: "konflux", Duration: 2 * time.Hour, Cluster: "app.ci"})
	if err != nil {
		t.Fatalf("Issue(...): %v", err)
	}

	var got *Report

	// The API server heeds a binding that has just been made in a moment.
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		got, err = Examine(ctx, b, []string{"clusters", "default"})

		return err == nil && len(got.Rights[0].Rules) > 0, err
	}); err != nil {
		t.Fatalf("Examine(...): %v", err)
	}

	want := &Report{
		Server:  cfg.Host,
		User:    "system:serviceaccount:credentials:konflux",
		Groups:  []string{"system:serviceaccounts", "system:serviceaccounts:credentials", "system:authenticated"},
		Expires: new(time.Now().Add(2 * time.Hour)),
		Rights: []Rights{
			{Namespace: "clusters", Rules: []string{"get secrets named one", "get,patch ephemeralclusters.ci.openshift.io"}},
			{Namespace: "default", Rules: []string{}},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(2*time.Minute)); diff != "" {
		t.Errorf("A kubeconfig is examined to be what was issued: -want, +got:\n%s", diff)
	}

	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}

	if err := kube.CoreV1().ServiceAccounts("credentials").Delete(t.Context(), "konflux", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}

	// The API server remembers for some seconds whom it has let in.
	if err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := Examine(ctx, b, nil)

		return err != nil && strings.Contains(err.Error(), "cannot ask "+cfg.Host+" who this is: Unauthorized"), nil
	}); err != nil {
		t.Errorf("A revoked credential is refused: %v", err)
	}
}

func TestIssueLongLived(t *testing.T) {
	cfg := start(t)

	request := func(with func(*Request)) Request {
		r := Request{Namespace: "credentials", ServiceAccount: "konflux", Duration: time.Hour, Cluster: "app.ci"}
		with(&r)

		return r
	}

	cases := map[string]struct {
		reason string
		req    Request
		err    string
	}{
		"LongLived": {
			reason: "The token of a Secret is taken as it is.",
			req:    request(func(r *Request) { r.Secret = "token-v1" }),
		},
		"NotFilled": {
			reason: "A Secret that the control plane has not filled yet is worth a retry.",
			req:    request(func(r *Request) { r.Secret = "token-v2" }),
			err:    "Secret credentials/token-v2 has no token yet: try again in a moment",
		},
		"AnotherType": {
			reason: "Whatever another kind of Secret holds is not handed out.",
			req:    request(func(r *Request) { r.Secret = "opaque" }),
			err:    `Secret credentials/opaque is of type "Opaque", not "kubernetes.io/service-account-token"`,
		},
		"Missing": {
			reason: "A Secret that is not there is named.",
			req:    request(func(r *Request) { r.Secret = "nowhere" }),
			err:    `cannot get Secret credentials/nowhere: secrets "nowhere" not found`,
		},
		"AnothersToken": {
			reason: "A token of another ServiceAccount is not handed out.",
			req:    request(func(r *Request) { r.Secret, r.ServiceAccount = "token-v1", "default" }),
			err:    `Secret credentials/token-v1 belongs to ServiceAccount "konflux", not "default"`,
		},
		"TooShort": {
			reason: "What the API server refuses to issue is told in its words.",
			req:    request(func(r *Request) { r.Duration = time.Minute }),
			err:    "may not specify a duration less than 10 minutes",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b, err := Issue(context.Background(), cfg, tc.req)

			switch {
			case tc.err == "" && (err != nil || !strings.Contains(string(b), "token: "+canary)):
				t.Errorf("\n%s\nIssue(...): %v", tc.reason, err)
			case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
				t.Errorf("\n%s\nIssue(...): want error %q, got %v", tc.reason, tc.err, err)
			case err != nil && strings.Contains(err.Error(), canary):
				t.Errorf("\n%s\nthe error holds the token", tc.reason)
			}
		})
	}
}
