package environments

import (
	"slices"
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

// TestChangeOfCredential goes through the steps of clusters that change from one credential to
// another.
func TestChangeOfCredential(t *testing.T) {
	type got struct {
		Connection Connection

		// Namespaces that each credential which may speak for the cluster reaches.
		Reached map[string][]string
	}

	const (
		shared  = "ephemeral-cluster"
		staging = "ephemeral-cluster-staging"
		own     = "ephemeral-cluster-stg-2"
		moving  = "  - name: stg-2\n"
		begin   = moving + "    namespace: ephemeral-cluster-stg-2\n"
	)

	theirs := Connection{VaultPath: "staging/appci", Token: "konflux-staging-token-v1", Namespace: staging}
	stagings := []string{shared, staging}

	cases := map[string]struct {
		reason  string
		replace []string
		want    got
	}{
		"Shared": {
			reason: "A cluster uses its environment's.",
			want:   got{Connection: theirs, Reached: map[string][]string{"konflux-staging": stagings}},
		},
		"OwnIsThere": {
			reason: "All is as it was, and its own is there.",
			replace: []string{moving, begin + `    formerNamespaces: [ephemeral-cluster-staging]
    credential: {vaultPath: own, tokenVersions: [1]}
`},
			want: got{Connection: theirs, Reached: map[string][]string{"konflux-staging": stagings, "konflux-stg-2": {staging, own}}},
		},
		"OwnIsFetched": {
			reason: "It fetches its own, and either may do all that it needs.",
			replace: []string{moving, begin + `    formerNamespaces: [ephemeral-cluster-staging]
    credential: {vaultPath: own, tokenVersions: [1], inUse: true}
    formerCredential: staging
`},
			want: got{
				Connection: Connection{VaultPath: "own", Token: "konflux-staging-token-v1", Namespace: staging},
				Reached:    map[string][]string{"konflux-staging": stagings, "konflux-stg-2": {staging, own}},
			},
		},
		"OwnIsHeld": {
			reason: "It has its own, and still what it began with its environment's.",
			replace: []string{moving, begin + `    formerNamespaces: [ephemeral-cluster-staging]
    credential: {vaultPath: own, tokenVersions: [1], inUse: true}
`},
			want: got{
				Connection: Connection{VaultPath: "own", Token: "konflux-stg-2-token-v1", Namespace: own},
				Reached:    map[string][]string{"konflux-stg-2": {staging, own}},
			},
		},
		"SharedIsFetched": {
			reason: "There is a way back.",
			replace: []string{moving, begin + `    formerNamespaces: [ephemeral-cluster-stg-2]
    credential: {vaultPath: own, tokenVersions: [1]}
    formerCredential: stg-2
`},
			want: got{
				Connection: Connection{VaultPath: "staging/appci", Token: "konflux-stg-2-token-v1", Namespace: own},
				Reached:    map[string][]string{"konflux-staging": {shared, staging, own}, "konflux-stg-2": {own}},
			},
		},
		"SharedIsHeld": {
			reason:  "At its end the environment's reaches what was begun with its own.",
			replace: []string{moving, moving + "    formerNamespaces: [ephemeral-cluster-stg-2]\n"},
			want:    got{Connection: theirs, Reached: map[string][]string{"konflux-staging": {shared, staging, own}}},
		},
		"Moved": {
			reason: "One that moves to another environment is like one that gets its own.",
			replace: []string{moving, "", "  - name: prd-1\n", `  - name: prd-1
  - {name: stg-2, formerCredential: staging, formerNamespaces: [ephemeral-cluster-staging]}
`},
			want: got{
				Connection: Connection{VaultPath: "production/openshift-ci/appci-cluster", Token: "konflux-staging-token-v1", Namespace: staging},
				Reached:    map[string][]string{"konflux-staging": stagings, "konflux-production": stagings},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f, err := Parse(example(t, tc.replace...))
			if err != nil {
				t.Fatalf("\n%s\nParse(...): %v", tc.reason, err)
			}

			got := got{Reached: map[string][]string{}}

			for _, e := range f.Environments {
				for _, c := range e.Clusters {
					if c.Name == "stg-2" {
						got.Connection = f.ConnectionOf(e, c)
					}
				}
			}

			for _, c := range f.Credentials() {
				if slices.Contains(c.Clusters, "stg-2") {
					got.Reached[c.ServiceAccount] = c.Namespaces
				}
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("\n%s\n-want, +got:\n%s", tc.reason, diff)
			}

			fetched, ok := f.CredentialOf("stg-2")
			if !ok || fetched.VaultPath != tc.want.Connection.VaultPath {
				t.Errorf("\n%s\nCredentialOf(...): want the one at %s, got %+v", tc.reason, tc.want.Connection.VaultPath, fetched)
			}
		})
	}
}

// TestLastOfItsCredential moves an environment's only cluster away.
func TestLastOfItsCredential(t *testing.T) {
	f, err := Parse(example(t,
		"  clusters:\n  - name: stg-1\n  - name: stg-2\n", "  clusters: [{name: stg-3, credential: {vaultPath: own, tokenVersions: [1], inUse: true}, namespace: own}]\n",
		"  - name: prd-1\n", "  - name: prd-1\n  - {name: stg-2, formerCredential: staging, formerNamespaces: [ephemeral-cluster-staging]}\n"))
	if err != nil {
		t.Fatalf("Parse(...): %v", err)
	}

	want := KonfluxCredential{
		Namespace: CredentialsNamespace, ServiceAccount: "konflux-staging",
		Namespaces: []string{"ephemeral-cluster", "ephemeral-cluster-staging"},
		Clusters:   []string{"stg-2"},
		VaultPath:  "staging/appci", TokenVersions: []int{1, 2}, TokenInUse: 1,
	}
	if diff := cmp.Diff(want, f.Credentials()[0], cmpopts.IgnoreUnexported(KonfluxCredential{})); diff != "" {
		t.Errorf("Its credential is there until it has another: -want, +got:\n%s", diff)
	}
}
