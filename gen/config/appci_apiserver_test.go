package config

import (
	"context"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

const (
	annotationCluster = "ephemeralcluster.ci.openshift.io/konflux-cluster"
	annotationTenant  = "ephemeralcluster.ci.openshift.io/konflux-tenant"
)

// newEC returns an EphemeralCluster that says where it comes from, unless empty.
func newEC(t *testing.T, namespace, name, konflux, tenant string) *unstructured.Unstructured {
	t.Helper()

	u := object(t, "{apiVersion: ci.openshift.io/v1, kind: EphemeralCluster, spec: {ciOperator: {}}}")
	u.SetNamespace(namespace)
	u.SetName(name)

	annotations := map[string]string{}
	if konflux != "" {
		annotations[annotationCluster] = konflux
	}

	if tenant != "" {
		annotations[annotationTenant] = tenant
	}

	u.SetAnnotations(annotations)

	return u
}

func newSecret(namespace, name string) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
	}
}

func annotate(key, value string) string {
	if value == "" {
		return `{"metadata": {"annotations": {"` + key + `": null}}}`
	}

	return `{"metadata": {"annotations": {"` + key + `": "` + value + `"}}}`
}

// startAppCI starts app.ci and applies its tree.
func startAppCI(t *testing.T, p Paths) *cluster {
	t.Helper()

	c := startCluster(t, []string{
		filepath.Join(moduleDir(t, components.ProwModule), components.ProwJobCRDs),
		filepath.Join(moduleDir(t, components.PrometheusOperatorModule), components.ServiceMonitorCRD),
		filepath.Join(moduleDir(t, components.PrometheusOperatorModule), components.PrometheusRuleCRD),
	}, nil, environments.ProwNamespace)

	c.apply(t, filepath.Join(p.Root, p.Out, "app.ci"))

	return c
}

// TestAppCI tries what credentials may and may not do there.
func TestAppCI(t *testing.T) {
	p := newCheckout(t, repository)
	generate(t, p)
	c := startAppCI(t, p)

	t.Run("Konflux", func(t *testing.T) { testKonfluxOnAppCI(t, c) })
	t.Run("Reconciler", func(t *testing.T) { testReconcilerOnAppCI(t, c) })
	t.Run("Change", func(t *testing.T) { testChangeOnAppCI(t, p, c) })
	t.Run("Retired", func(t *testing.T) { testRetiredOnAppCI(t, p, c) })
}

func testKonfluxOnAppCI(t *testing.T, c *cluster) {
	t.Helper()

	const (
		staging = "ephemeral-cluster-staging"
		shared  = "ephemeral-cluster"
		prd2    = "ephemeral-cluster-prd-2"
	)

	live := newEC(t, staging, "live", "stg-1", "team-a")
	others := newEC(t, shared, "others", "prd-1", "team-b")
	elsewhere := newEC(t, prd2, "elsewhere", "prd-2", "team-c")
	old := newEC(t, shared, "old", "", "")
	credentials := newSecret(staging, "live-credentials")

	c.create(t, copyOf(live), copyOf(others), copyOf(elsewhere), copyOf(old), copyOf(credentials),
		newSecret(shared, "others-credentials"), newSecret(prd2, "elsewhere-credentials"))

	konflux := c.asAccount(t, environments.CredentialsNamespace, "konflux-staging")
	legacy := c.asAccount(t, shared, "ephemeral-cluster")
	admin := c.as(t, "somebody", "system:masters")

	overwrite := client.RawPatch("application/merge-patch+json", []byte(`{"stringData": {"kubeconfig": "mine"}}`))
	lasting := func(s *corev1.Secret) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error { return c.Patch(ctx, s.DeepCopy(), overwrite) }
	}
	applies := func(s *corev1.Secret, opts ...client.ApplyOption) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error {
			u := object(t, "{apiVersion: v1, kind: Secret}")
			u.SetNamespace(s.Namespace)
			u.SetName(s.Name)

			return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), append(opts, client.FieldOwner("provider-kubernetes/credentials-x"))...)
		}
	}

	const tearDown = `{"spec": {"tearDownCluster": true}}`

	attempts(t, map[string]attempt{
		"Create":               {"An EphemeralCluster of its own Konflux cluster is what it is for.", konflux, creates(newEC(t, staging, "new", "stg-2", "team-a")), true},
		"CreateForAnother":     {"It cannot speak for another Konflux cluster.", konflux, creates(newEC(t, staging, "new", "prd-1", "team-a")), false},
		"CreateForNobody":      {"It must say which Konflux cluster it speaks for.", konflux, creates(newEC(t, staging, "new", "", "team-a")), false},
		"CreateWithoutTenant":  {"It must say which tenant asks.", konflux, creates(newEC(t, staging, "new", "stg-1", "")), false},
		"CreateElsewhere":      {"Another's namespace is out of reach.", konflux, creates(newEC(t, prd2, "new", "stg-1", "team-a")), false},
		"CreateInFormer":       {"A namespace that is being left still takes what has begun there.", konflux, creates(newEC(t, shared, "new", "stg-1", "team-a")), true},
		"TearDown":             {"Its own can be torn down.", konflux, patches(live, tearDown), true},
		"TearDownAnothers":     {"Another Konflux cluster's cannot, even where the namespace is shared.", konflux, patches(others, tearDown), false},
		"TearDownElsewhere":    {"Nor in another namespace.", konflux, patches(elsewhere, tearDown), false},
		"Delete":               {"Its own can be deleted.", konflux, deletes(live), true},
		"DeleteAnothers":       {"Another Konflux cluster's cannot.", konflux, deletes(others), false},
		"ChangeTenant":         {"A tenant's cluster stays the tenant's.", konflux, patches(live, annotate(annotationTenant, "team-b")), false},
		"DropTenant":           {"To say nothing is a change too.", konflux, patches(live, annotate(annotationTenant, "")), false},
		"DropAnnotations":      {"So is to say nothing at all.", konflux, patches(live, `{"metadata": {"annotations": null}}`), false},
		"ChangeCluster":        {"Nor does it move to another Konflux cluster, even of the same credential.", konflux, patches(live, annotate(annotationCluster, "stg-2")), false},
		"RenameRun":            {"Other annotations may change.", konflux, patches(live, annotate("ephemeralcluster.ci.openshift.io/pipeline-run-name", "run")), true},
		"AdoptOld":             {"One that says nothing is of old, or was made by hand: it cannot be said to be its own.", konflux, patches(old, annotate(annotationCluster, "stg-1")), false},
		"TearDownOld":          {"Nor be torn down.", konflux, patches(old, tearDown), false},
		"DeleteOld":            {"Nor deleted.", konflux, deletes(old), false},
		"ReportStatus":         {"The status is the reconciler's.", konflux, patchesStatus(live, `{"status": {"phase": "Ready"}}`), false},
		"Get":                  {"It observes what it made.", konflux, gets(live), true},
		"GetElsewhere":         {"It reads single ones in its namespace only.", konflux, gets(elsewhere), false},
		"ListEverywhere":       {"provider-kubernetes' watches know no namespace.", konflux, lists(live), true},
		"ReadSecret":           {"Credentials are read one by one.", konflux, gets(credentials), true},
		"ReadSecretElsewhere":  {"Another's credentials are out of reach.", konflux, gets(newSecret(prd2, "elsewhere-credentials")), false},
		"ListSecrets":          {"No Secret is found without knowing its name.", konflux, lists(credentials, client.InNamespace(staging)), false},
		"PatchSecret":          {"No Secret can be overwritten.", konflux, lasting(credentials), false},
		"ApplySecret":          {"Nor by a server-side apply.", konflux, applies(credentials), false},
		"ApplySecretDryRun":    {"provider-kubernetes asks for a dry run of it even to observe.", konflux, applies(credentials, client.DryRunAll), true},
		"CreateSecret":         {"Nor can one be made.", konflux, creates(newSecret(staging, "new")), false},
		"DeleteSecret":         {"Nor deleted.", konflux, deletes(credentials), false},
		"ReadOwnToken":         {"No credential can read tokens, its own included.", konflux, gets(newSecret(environments.CredentialsNamespace, "konflux-staging-token-v1")), false},
		"ReadAnothersToken":    {"Nor another's.", konflux, gets(newSecret(environments.CredentialsNamespace, "konflux-production-token-v1")), false},
		"IssueToken":           {"Nor have one issued.", konflux, issuesToken(environments.CredentialsNamespace, "konflux-production"), false},
		"ReadProwJobs":         {"ProwJobs are none of its business.", konflux, lists(newProwJob(t, "any"), client.InNamespace("ci")), false},
		"ChangePolicy":         {"It cannot switch off what holds it.", konflux, deletes(object(t, "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: ephemeral-cluster-origin}}")), false},
		"LegacyCreate":         {"The credential of old still serves all, in the namespace of old.", legacy, creates(newEC(t, shared, "new", "prd-2", "team-a")), true},
		"LegacyCreateUnknown":  {"But no Konflux cluster that there is not.", legacy, creates(newEC(t, shared, "new", "prd-3", "team-a")), false},
		"LegacyAdoptOld":       {"What it made of old, without a word, can be said to be one's own.", legacy, patches(old, annotate(annotationCluster, "stg-1")), true},
		"LegacyAdoptUnknown":   {"But not one's that there is not.", legacy, patches(old, annotate(annotationCluster, "prd-3")), false},
		"LegacyTearDownOld":    {"And be torn down.", legacy, patches(old, tearDown), true},
		"LegacyDeleteOld":      {"And deleted.", legacy, deletes(old), true},
		"LegacyElsewhere":      {"It has no other namespace.", legacy, creates(newEC(t, staging, "new", "stg-1", "team-a")), false},
		"LegacyTearDown":       {"It tears down what it made.", legacy, patches(others, tearDown), true},
		"LegacyChangeTenant":   {"What is fixed is fixed for it too.", legacy, patches(others, annotate(annotationTenant, "team-a")), false},
		"LegacyListSecrets":    {"It lists Secrets no more.", legacy, lists(credentials, client.InNamespace(shared)), false},
		"LegacyPatchSecret":    {"It only observes Secrets.", legacy, lasting(newSecret(shared, "others-credentials")), false},
		"LegacyReadToken":      {"It reads no tokens.", legacy, gets(newSecret(environments.CredentialsNamespace, "konflux-staging-token-v1")), false},
		"AdminCreate":          {"An administrator may make one by hand, which is nobody's.", admin, creates(newEC(t, shared, "new", "", "")), true},
		"AdminTearDown":        {"And tear down anybody's.", admin, patches(live, tearDown), true},
		"AdminChangeTenant":    {"But not make it another's.", admin, patches(live, annotate(annotationTenant, "team-b")), false},
		"AdminReadsBothTokens": {"In a rotation there are two tokens.", admin, getsAll(newSecret(environments.CredentialsNamespace, "konflux-staging-token-v1"), newSecret(environments.CredentialsNamespace, "konflux-staging-token-v2")), true},
	}, "Create", "CreateForAnother", "PatchSecret", "LegacyCreate")
}

// testChangeOnAppCI gives a cluster a credential of its own, and moves another one to another
// environment, while they have EphemeralClusters.
func testChangeOnAppCI(t *testing.T, p Paths, c *cluster) {
	t.Helper()

	const (
		shared   = "ephemeral-cluster"
		stagings = "ephemeral-cluster-staging"
		private  = "ephemeral-cluster-stg-2"

		tearDown = `{"spec": {"tearDownCluster": true}}`
		former   = "    formerCredential: staging\n"
	)

	live := newEC(t, stagings, "begun", "stg-2", "team-a")
	credentials := newSecret(stagings, "begun-credentials")
	moved := newEC(t, shared, "moved", "prd-1", "team-a")
	c.create(t, copyOf(live), copyOf(credentials), copyOf(moved))

	replace(t, p, p.File, "  - name: stg-2\n", `  - name: stg-2
    namespace: ephemeral-cluster-stg-2
    formerNamespaces: [ephemeral-cluster-staging]
    credential: {vaultPath: own, tokenVersions: [1]}
`)
	replace(t, p, p.File, "  - name: prd-1\n", "")
	replace(t, p, p.File, "  - name: stg-1\n", "  - name: stg-1\n  - {name: prd-1, formerCredential: production}\n")
	generate(t, p)
	c.apply(t, filepath.Join(p.Root, p.Out, "app.ci"))

	own, old := c.asAccount(t, environments.CredentialsNamespace, "konflux-stg-2"), c.asAccount(t, environments.CredentialsNamespace, "konflux-staging")
	production := c.asAccount(t, environments.CredentialsNamespace, "konflux-production")

	both := map[string]attempt{
		"Create":        {"The one that the cluster has goes on.", old, creates(newEC(t, stagings, "new", "stg-2", "team-a")), true},
		"TearDown":      {"With all that it is for.", old, patches(live, tearDown), true},
		"Delete":        {"To the end.", old, deletes(live), true},
		"OwnCreates":    {"When the cluster has the other, nobody says so at that moment: it does the same.", own, creates(newEC(t, stagings, "new", "stg-2", "team-a")), true},
		"OwnTearsDown":  {"It ends what was begun.", own, patches(live, tearDown), true},
		"OwnDeletes":    {"It takes that away.", own, deletes(live), true},
		"OwnReads":      {"It reads its credentials.", own, gets(credentials), true},
		"OwnForAnother": {"It speaks for nobody else.", own, creates(newEC(t, stagings, "new", "stg-1", "team-a")), false},
		"Moving":        {"One that moves is served by the environment that it leaves.", production, patches(moved, tearDown), true},
		"Moved":         {"And by the one that it moves to.", old, patches(moved, tearDown), true},
	}

	attempts(t, both, "Create", "OwnCreates", "OwnForAnother", "Moved")

	// The cluster fetches it: on app.ci nothing changes.
	replace(t, p, p.File, "tokenVersions: [1]}\n", "tokenVersions: [1], inUse: true}\n"+former)
	generate(t, p)
	c.apply(t, filepath.Join(p.Root, p.Out, "app.ci"))
	attempts(t, both)

	// The cluster has it.
	replace(t, p, p.File, former, "")
	replace(t, p, p.File, "{name: prd-1, formerCredential: production}", "name: prd-1")
	generate(t, p)
	c.apply(t, filepath.Join(p.Root, p.Out, "app.ci"))

	attempts(t, map[string]attempt{
		"Create":          {"The former speaks for it no more.", old, creates(newEC(t, stagings, "new", "stg-2", "team-a")), false},
		"TearDown":        {"Nor ends what it began.", old, patches(live, tearDown), false},
		"OwnCreates":      {"What is new has a namespace of its own.", own, creates(newEC(t, private, "new", "stg-2", "team-a")), true},
		"OwnTearsDown":    {"What was begun before ends where it is.", own, patches(live, tearDown), true},
		"OwnReads":        {"Its credentials are read till then.", own, gets(credentials), true},
		"CreateElsewhere": {"A namespace of its own keeps others out.", old, creates(newEC(t, private, "new", "stg-1", "team-a")), false},
		"Left":            {"The environment that was left has no say any more.", production, patches(moved, tearDown), false},
		"Moved":           {"The other one has.", old, patches(moved, tearDown), true},
	}, "Create", "OwnCreates", "Left")
}

// testRetiredOnAppCI applies a tree that generates two of the credentials no more. Nothing
// is pruned, so that they keep their rights.
func testRetiredOnAppCI(t *testing.T, p Paths, c *cluster) {
	t.Helper()

	const (
		shared = "ephemeral-cluster"
		prd2   = "ephemeral-cluster-prd-2"
	)

	made := newEC(t, prd2, "made", "prd-2", "team-a")
	old := newEC(t, prd2, "of-old", "", "")
	credentials := newSecret(prd2, "made-credentials")
	legacyCredentials := newSecret(shared, "legacy-credentials")

	c.create(t, copyOf(made), copyOf(old), copyOf(credentials), copyOf(legacyCredentials))

	replace(t, p, p.File, "legacyServiceAccount: true", "legacyServiceAccount: false")
	replace(t, p, p.File, `    namespace: ephemeral-cluster-prd-2
    credential:
      vaultPath: production/appci-prd-2
      tokenVersions: [3]
      inUse: true
`, "")
	generate(t, p)
	c.apply(t, filepath.Join(p.Root, p.Out, "app.ci"))

	own := c.asAccount(t, environments.CredentialsNamespace, "konflux-prd-2")
	legacy := c.asAccount(t, shared, "ephemeral-cluster")
	staging := c.asAccount(t, environments.CredentialsNamespace, "konflux-staging")

	const (
		tearDown  = `{"spec": {"tearDownCluster": true}}`
		overwrite = `{"stringData": {"kubeconfig": "mine"}}`
	)

	lasting := func(o client.Object) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error {
			return c.Patch(ctx, copyOf(o), client.RawPatch("application/merge-patch+json", []byte(overwrite)))
		}
	}

	attempts(t, map[string]attempt{
		"Rights":         {"Its rights are still there.", own, gets(made), true},
		"Create":         {"It speaks for nobody.", own, creates(newEC(t, prd2, "new", "prd-2", "team-a")), false},
		"TearDown":       {"Nor for those that it made.", own, patches(made, tearDown), false},
		"TearDownOld":    {"Nor for those that say nothing.", own, patches(old, tearDown), false},
		"Delete":         {"It ends none of them.", own, deletes(made), false},
		"PatchSecret":    {"No Secret can be overwritten.", own, lasting(credentials), false},
		"LegacyRights":   {"The rights of the one of old are still there.", legacy, gets(legacyCredentials), true},
		"LegacyCreate":   {"It speaks for nobody either.", legacy, creates(newEC(t, shared, "new", "prd-1", "team-a")), false},
		"LegacyPatch":    {"And overwrites no Secret.", legacy, lasting(legacyCredentials), false},
		"StagingCreates": {"One that is still generated goes on.", staging, creates(newEC(t, "ephemeral-cluster-staging", "new", "stg-1", "team-a")), true},
	}, "Create", "LegacyCreate")
}
