package environments

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// digest of the definitions, in tests.
const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// example returns the environments of the tests, with texts replaced in pairs.
func example(t *testing.T, replace ...string) []byte {
	t.Helper()

	b, err := os.ReadFile("../testdata/environments.yaml")
	if err != nil {
		t.Fatal(err)
	}

	s := strings.ReplaceAll(string(b), "api: API", "api: "+digest)

	for i := 0; i+1 < len(replace); i += 2 {
		if !strings.Contains(s, replace[i]) {
			t.Fatalf("the example has no %q", replace[i])
		}

		s = strings.Replace(s, replace[i], replace[i+1], 1)
	}

	return []byte(s)
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason  string
		replace []string
		err     string
	}{
		"Valid": {
			reason: "The example is valid.",
		},
		"UnknownField": {
			reason:  "A field that does not exist is refused, where it is.",
			replace: []string{"  - name: stg-2", "  - name: stg-2\n    vault: some/path"},
			err:     `environments[staging].clusters[stg-2]: additional properties 'vault' not allowed`,
		},
		"RepeatedKey": {
			reason:  "What is said twice is ambiguous.",
			replace: []string{"  api: claims\n", "  api: claims\n  api: v2\n"},
			err: `not valid YAML: yaml: unmarshal errors:
  line 22: key "api" already set in map`,
		},
		"BadMode": {
			reason:  "There are two modes.",
			replace: []string{"api: claims", "api: v1"},
			err:     `environments[staging].api: value must be one of 'claims', 'v2'`,
		},
		"BadDigest": {
			reason:  "A version is a digest, not a tag.",
			replace: []string{"sha256:2222", "sha256:xyz2222"},
			err:     `environments[staging].versions.function.digest: 'sha256:xyz2222222222222222222222222222222222222222222222222222222222222222' does not match pattern '^sha256:[0-9a-f]{64}$'`,
		},
		"NoDigest": {
			reason:  "A version without a digest is refused, and all that is wrong is told at once.",
			replace: []string{"      digest: sha256:2222222222222222222222222222222222222222222222222222222222222222\n", "", "24h", "1 day"},
			err: `appCI.reconciler.maxLifetime: '1 day' does not match pattern '^([0-9]+(h|m|s))+$'
environments[staging].versions.function: missing property 'digest'`,
		},
		"NoTokens": {
			reason:  "A credential without a token is none, and versions start at 1.",
			replace: []string{"[1, 2]", "[]", "[3]", "[0]"},
			err: `environments[production].clusters[prd-2].credential.tokenVersions[0]: minimum: got 0, want 1
environments[staging].credential.tokenVersions: minItems: got 0, want 1`,
		},
		"TokenInUseEnds": {
			reason:  "A token is not taken away from who uses it.",
			replace: []string{"[1, 2] #", "[2]\n    tokenInUse: 1 #"},
			err:     `environments[staging].credential: version 1 of the token is in use, but not one of tokenVersions: clusters would be cut off from app.ci`,
		},
		"RepeatedEnvironment": {
			reason:  "Each environment is a directory, and has a ServiceAccount.",
			replace: []string{"name: production", "name: staging"},
			err: `environments[staging]: name "staging" is that of environments[staging] too
environments[staging]: ServiceAccount "konflux-staging" is that of environments[staging] too`,
		},
		"RepeatedCluster": {
			reason:  "A cluster is known by its name, in whichever environment.",
			replace: []string{"name: prd-1", "name: stg-1"},
			err:     `environments[production].clusters[stg-1]: name "stg-1" is that of environments[staging].clusters[stg-1] too`,
		},
		"ReservedDirectory": {
			reason:  "What clusters share has a directory beside theirs.",
			replace: []string{"name: prd-1", "name: base"},
			err:     `environments[production].clusters[base]: the name is that of a directory that all clusters share`,
		},
		"SameAccount": {
			reason:  "ServiceAccounts are named after environments and clusters alike.",
			replace: []string{"name: prd-2", "name: staging"},
			err:     `environments[production].clusters[staging]: ServiceAccount "konflux-staging" is that of environments[staging] too`,
		},
		"SharedNamespace": {
			reason:  "A namespace other than the default one is there to keep others out.",
			replace: []string{"namespace: ephemeral-cluster-prd-2", "namespace: ephemeral-cluster-staging"},
			err:     `environments[production].clusters[prd-2]: namespace "ephemeral-cluster-staging" is that of environments[staging] too`,
		},
		"ReservedNamespace": {
			reason:  "No credential may read tokens.",
			replace: []string{"[ephemeral-cluster]", "[ephemeral-cluster-credentials]"},
			err:     `environments[staging]: namespace "ephemeral-cluster-credentials" has Secrets that no credential of a Konflux cluster may read`,
		},
		"OwnNamespace": {
			reason: "An own credential is there before it is used, and reaches what the cluster has where it is.",
			replace: []string{"  - name: stg-2", `  - name: stg-2
    namespace: ephemeral-cluster-stg-2
    formerNamespaces: [ephemeral-cluster-staging]
    credential: {vaultPath: staging/appci-stg-2, tokenVersions: [1]}`},
		},
		"OwnNamespaceWithoutFormer": {
			reason: "With another namespace it would not, and no cluster could be torn down.",
			replace: []string{"  - name: stg-2", `  - name: stg-2
    namespace: ephemeral-cluster-stg-2
    credential: {vaultPath: staging/appci-stg-2, tokenVersions: [1]}`},
			err: `environments[staging].clusters[stg-2]: its EphemeralClusters are in namespace "ephemeral-cluster-staging", out of reach of ServiceAccount konflux-stg-2: name it in formerNamespaces, or, if it is a new cluster and has none, say that its credential is inUse`,
		},
		"OwnNamespaceOfNewCluster": {
			reason: "A new cluster has none anywhere.",
			replace: []string{"  - name: stg-2", `  - name: stg-2
    namespace: ephemeral-cluster-stg-2
    credential: {vaultPath: staging/appci-stg-2, tokenVersions: [1], inUse: true}`},
		},
		"MovedWithoutFormerNamespace": {
			reason:  "It is the same for one that moves to another environment.",
			replace: []string{"  - name: prd-1", "  - {name: prd-1, formerCredential: staging}"},
			err:     `environments[production].clusters[prd-1]: its EphemeralClusters are in namespace "ephemeral-cluster-staging", out of reach of ServiceAccount konflux-production: name it in formerNamespaces, or, if it is a new cluster and has none, say that its credential is inUse`,
		},
		"Moved": {
			reason:  "One that moves says where it comes from.",
			replace: []string{"  - name: prd-1", "  - {name: prd-1, formerCredential: staging, formerNamespaces: [ephemeral-cluster-staging]}"},
		},
		"MovedFromNowhere": {
			reason:  "There must be such a credential.",
			replace: []string{"  - name: prd-1", "  - {name: prd-1, formerCredential: development}"},
			err:     `environments[production].clusters[prd-1]: there is no credential of development that it can have used`,
		},
		"FormerInUse": {
			reason:  "A credential does not follow itself.",
			replace: []string{"  - name: prd-1", "  - {name: prd-1, formerCredential: production}", "      inUse: true\n", "      inUse: true\n    formerCredential: prd-2\n"},
			err: `environments[production].clusters[prd-1]: formerCredential is the one that it uses, that of production
environments[production].clusters[prd-2]: formerCredential is the one that it uses, that of prd-2`,
		},
		"SharedInUse": {
			reason:  "An environment's is not begun to be used by a cluster.",
			replace: []string{"tokenVersions: [1]\n", "tokenVersions: [1]\n    inUse: true\n"},
			err:     `environments[production].credential: inUse is for a cluster's own: an environment's is in use by all that have no other`,
		},
		"FormerNamespaceOfAnother": {
			reason:  "No cluster can have been in another's own namespace.",
			replace: []string{"  - name: prd-1", "  - {name: prd-1, formerNamespaces: [ephemeral-cluster-prd-2]}"},
			err:     `environments[production].clusters[prd-1]: namespace "ephemeral-cluster-prd-2" is only for cluster prd-2`,
		},
		"NamespaceWithoutCredential": {
			reason:  "A namespace that another cluster's credential reaches keeps nobody out.",
			replace: []string{"  - name: stg-2", "  - name: stg-2\n    namespace: ephemeral-cluster-stg-2"},
			err:     `environments[staging].clusters[stg-2]: a namespace of its own needs a credential of its own, or the environment's would reach it`,
		},
		"SameVaultPath": {
			reason:  "A path in Vault holds one kubeconfig.",
			replace: []string{"vaultPath: staging/appci", "vaultPath: production/openshift-ci/appci-cluster"},
			err:     `environments[production]: Vault path "production/openshift-ci/appci-cluster" is that of environments[staging] too`,
		},
		"SameVersionOtherDigest": {
			reason:  "A version and its digest are bumped together.",
			replace: []string{"'v1.3.0'", "v1.3.1"},
			err:     `environments[production].versions.provider: registry.example/provider v1.3.1 is sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb here, but sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc at environments[staging].versions.provider: bump both or neither`,
		},
		"DigestOfFirst": {
			reason:  "A digest is filled in where it is tried first, and nowhere else yet.",
			replace: []string{"'v1.3.0' # One behind.\n      digest: sha256:" + strings.Repeat("b", 64), "v1.3.1\n      digest: " + Placeholder},
		},
		"DigestOfOthers": {
			reason:  "Of the others none can differ.",
			replace: []string{"'v1.3.0' # One behind.", "v1.3.1", strings.Repeat("1", 64), strings.Repeat("0", 64)},
			err:     `environments[production].versions.provider: registry.example/provider v1.3.1 is sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb here, but sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc at environments[staging].versions.provider: bump both or neither`,
		},
		"ReconcilerBehindCRD": {
			reason:  "A reconciler can be rolled back alone.",
			replace: []string{"api: " + digest, "api: sha256:0000000000000000000000000000000000000000000000000000000000000000"},
		},
		"SameReleaseOtherAPI": {
			reason: "A function is released with the definitions that it works with.",
			replace: []string{
				"api: " + digest + "\n    # Tenants", "api: sha256:0000000000000000000000000000000000000000000000000000000000000000\n    # Tenants",
				`v0.1.0, digest: "sha256:1111111111111111111111111111111111111111111111111111111111111111"`,
				`v0.2.0, digest: "sha256:2222222222222222222222222222222222222222222222222222222222222222"`,
			},
			err: `environments[production].versions.api: release v0.2.0 is sha256:0000000000000000000000000000000000000000000000000000000000000000 here, but sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa at environments[staging].versions.api: bump both or neither`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if _, err := Parse(example(t, tc.replace...)); err != nil {
				got = err.Error()
			}

			if diff := cmp.Diff(tc.err, got); diff != "" {
				t.Errorf("\n%s\nParse(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	f, err := Parse(example(t))
	if err != nil {
		t.Fatalf("Parse(...): %v", err)
	}

	production := f.Environments[1]

	want := []Cluster{
		{Name: "prd-1", API: Claims, Namespace: "ephemeral-cluster", Versions: &production.Versions},
		{
			Name: "prd-2", API: V2, Namespace: "ephemeral-cluster-prd-2", Versions: &production.Versions,
			Credential: &Credential{VaultPath: "production/appci-prd-2", TokenVersions: []int{3}, TokenInUse: 3, InUse: true},
		},
	}
	if diff := cmp.Diff(want, production.Clusters); diff != "" {
		t.Errorf("A cluster has what it leaves out from its environment: -want, +got:\n%s", diff)
	}
}

// TestSchema compiles the schema, which validates it as one, and requires that it
// explains itself.
func TestSchema(t *testing.T) {
	if err := matchSchema([]byte(`{}`)); err == nil || !strings.Contains(err.Error(), "missing properties") {
		t.Errorf("An empty file does not match the schema, got %v", err)
	}

	docs, err := fieldDocs()
	if err != nil {
		t.Fatalf("fieldDocs(): %v", err)
	}

	for field, doc := range docs {
		if doc == "" {
			t.Errorf("%s has no comment, and the schema no description of it", field)
		}
	}
}
