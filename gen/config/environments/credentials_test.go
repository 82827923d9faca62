package environments

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCredentials(t *testing.T) {
	f, err := Parse(example(t))
	if err != nil {
		t.Fatalf("Parse(...): %v", err)
	}

	want := []KonfluxCredential{
		{
			Namespace: CredentialsNamespace, ServiceAccount: "konflux-staging",
			Namespaces: []string{"ephemeral-cluster", "ephemeral-cluster-staging"},
			Clusters:   []string{"stg-1", "stg-2"},
			VaultPath:  "staging/appci", TokenVersions: []int{1, 2}, TokenInUse: 1,
		},
		{
			Namespace: CredentialsNamespace, ServiceAccount: "konflux-production",
			Namespaces: []string{"ephemeral-cluster"},
			Clusters:   []string{"prd-1"},
			VaultPath:  "production/openshift-ci/appci-cluster", TokenVersions: []int{1}, TokenInUse: 1,
		},
		{
			Namespace: CredentialsNamespace, ServiceAccount: "konflux-prd-2",
			Namespaces: []string{"ephemeral-cluster-prd-2"},
			Clusters:   []string{"prd-2"},
			VaultPath:  "production/appci-prd-2", TokenVersions: []int{3}, TokenInUse: 3,
		},
	}
	if diff := cmp.Diff(want, f.Credentials(), cmpopts.IgnoreUnexported(KonfluxCredential{})); diff != "" {
		t.Errorf("Each credential serves the clusters that have no other: -want, +got:\n%s", diff)
	}

	legacy := []KonfluxCredential{{
		Namespace: "ephemeral-cluster", ServiceAccount: "ephemeral-cluster",
		Namespaces: []string{"ephemeral-cluster"},
		Clusters:   []string{"stg-1", "stg-2", "prd-1", "prd-2"},
	}}
	if diff := cmp.Diff(legacy, f.Legacy(), cmpopts.IgnoreUnexported(KonfluxCredential{})); diff != "" {
		t.Errorf("The one of old serves them all: -want, +got:\n%s", diff)
	}

	if diff := cmp.Diff([]string{"ephemeral-cluster", "ephemeral-cluster-prd-2", "ephemeral-cluster-staging"}, f.Namespaces()); diff != "" {
		t.Errorf("All namespaces: -want, +got:\n%s", diff)
	}

	f, err = Parse(example(t,
		"  - name: prd-1\n", "",
		"legacyServiceAccount: true", "legacyServiceAccount: false"))
	if err != nil {
		t.Fatalf("Parse(...): %v", err)
	}

	left := append(f.Legacy(), f.Credentials()...)

	names := make([]string, 0, len(left))
	for _, c := range left {
		names = append(names, c.ServiceAccount)
	}

	if diff := cmp.Diff([]string{"konflux-staging", "konflux-prd-2"}, names); diff != "" {
		t.Errorf("There is no credential that nobody uses: -want, +got:\n%s", diff)
	}
}
