//go:build linux && e2e

package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// TestProviderRights uses the credential that every Konflux cluster has of app.ci.
func TestProviderRights(t *testing.T) {
	held := &corev1.Secret{}
	if err := shared.Konflux.Get(t.Context(), types.NamespacedName{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName}, held); err != nil {
		t.Fatal(err)
	}

	cfg, err := clientcmd.RESTConfigFromKubeConfig(held.Data[v1alpha1.ProviderSecretKey])
	if err != nil {
		t.Fatal(err)
	}

	provider, err := client.New(cfg, client.Options{Scheme: shared.AppCI.Scheme()})
	if err != nil {
		t.Fatal(err)
	}

	victim := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: "another-credentials"}, StringData: map[string]string{"k": "v"}}
	if err := shared.AppCI.Create(t.Context(), victim); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := shared.AppCI.Delete(context.Background(), victim); err != nil {
			t.Error(err)
		}
	})

	patch := client.RawPatch(types.MergePatchType, []byte(`{"stringData": {"k": "taken"}}`))
	fresh := func() *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: victim.Namespace, Name: victim.Name}}
	}

	cases := map[string]struct {
		reason  string
		try     func() error
		allowed bool
	}{
		"ObserveSecret": {
			reason:  "Credentials are read one by one, by name.",
			try:     func() error { return provider.Get(t.Context(), client.ObjectKeyFromObject(victim), fresh()) },
			allowed: true,
		},
		"DryRunOfPatch": {
			reason:  "The provider computes what it observes by a dry run.",
			try:     func() error { return provider.Patch(t.Context(), fresh(), patch, client.DryRunAll) },
			allowed: true,
		},
		"PatchSecret": {
			reason: "No credential can be overwritten.",
			try:    func() error { return provider.Patch(t.Context(), fresh(), patch) },
		},
		"ListSecrets": {
			reason: "No credential can be found without knowing its name.",
			try: func() error {
				return provider.List(t.Context(), &corev1.SecretList{}, client.InNamespace(victim.Namespace))
			},
		},
		"DeleteSecret": {
			reason: "No credential can be deleted.",
			try:    func() error { return provider.Delete(t.Context(), fresh()) },
		},
		"ProviderOfAnotherNamespace": {
			reason: "Nothing can be read outside the namespace of EphemeralClusters.",
			try: func() error {
				return provider.Get(t.Context(), types.NamespacedName{Namespace: "ci", Name: "any"}, &corev1.Secret{})
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := tc.try()

			if tc.allowed && err != nil {
				t.Errorf("\n%s\nwant it allowed, got %v", tc.reason, err)
			}

			// A policy refuses with Invalid, RBAC with Forbidden.
			if !tc.allowed && !kerrors.IsForbidden(err) && !kerrors.IsInvalid(err) {
				t.Errorf("\n%s\nwant it refused, got %v", tc.reason, err)
			}
		})
	}
}
