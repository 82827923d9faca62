package appci

import (
	"slices"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// Names of the policies.
const (
	OriginPolicy = "ephemeral-cluster-origin"
	SecretPolicy = "ephemeral-cluster-secrets"
)

// clustersVariable has the Konflux clusters of each credential.
const clustersVariable = "clusters"

func policies(cs []environments.KonfluxCredential) []any {
	return append(originPolicy(cs).Objects(), secretPolicy().Objects()...)
}

// isKonflux tells the credentials of Konflux clusters by where they are kept, and not by
// which there are: one that is no longer generated may still have its token and its
// rights, and is held by the policies as long as it does.
func isKonflux() string {
	return `request.userInfo.username.startsWith("` + manifest.Username(environments.CredentialsNamespace, "") + `") ||
request.userInfo.username == "` + legacyUser() + `"`
}

// legacyUser is what the API server calls the credential of old.
func legacyUser() string {
	return manifest.Username(v1.DefaultNamespace, v1.DefaultNamespace)
}

// originPolicy keeps what says where an EphemeralCluster comes from: whoever may use
// a cluster profile is decided by it. What was said once cannot be changed by anyone,
// and a credential has a say about its own Konflux clusters only.
func originPolicy(cs []environments.KonfluxCredential) manifest.Policy {
	const (
		cluster = `"` + v1.AnnotationKonfluxCluster + `"`
		tenant  = `"` + v1.AnnotationKonfluxTenant + `"`
	)

	return manifest.Policy{
		Name:       OriginPolicy,
		Group:      v1.Group,
		Resources:  []string{plural},
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update, admissionv1.Delete},
		Variables: []admissionv1.Variable{
			{Name: clustersVariable, Expression: clustersOf(cs)},
			{Name: "konflux", Expression: isKonflux()},
			{Name: "was", Expression: `oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})`},
			{Name: "is", Expression: `object == null ? {} : object.metadata.?annotations.orValue({})`},
			{Name: "cluster", Expression: cluster + ` in variables.was ? variables.was[` + cluster + `] :
  ` + cluster + ` in variables.is ? variables.is[` + cluster + `] : ""`},
		},
		Validations: []admissionv1.Validation{
			{
				Expression: `request.operation != "UPDATE" ||
[
  ` + cluster + `,
  ` + tenant + `
].all(a, !(a in variables.was) || (a in variables.is && variables.is[a] == variables.was[a]))`,
				Message: "the annotations konflux-cluster and konflux-tenant cannot be changed once they are set",
			},
			{
				Expression: `!variables.konflux || request.userInfo.username in variables.clusters`,
				Message:    "this credential serves no Konflux cluster any more",
			},
			{
				// Old ones may lack the annotation, and only the credential of old has made such.
				Expression: `!variables.konflux || request.operation == "CREATE" || ` + cluster + ` in variables.was ||
request.userInfo.username == "` + legacyUser() + `"`,
				Message: "an EphemeralCluster that names no Konflux cluster is none of this credential's",
			},
			{
				Expression: `!variables.konflux ||
(variables.cluster == "" ? request.operation != "CREATE" :
  variables.cluster in variables.clusters[?request.userInfo.username].orValue([]))`,
				Message:           "this credential does not serve that Konflux cluster",
				MessageExpression: `"this credential does not serve Konflux cluster \"" + string(variables.cluster) + "\""`,
			},
			{
				Expression: `!variables.konflux || request.operation != "CREATE" ||
(` + tenant + ` in variables.is && variables.is[` + tenant + `] != "")`,
				Message: "the annotation konflux-tenant must say whose it is",
			},
		},
	}
}

// clustersOf writes the Konflux clusters of each credential in CEL.
func clustersOf(cs []environments.KonfluxCredential) string {
	entries := make([]string, 0, len(cs))
	for _, c := range cs {
		entries = append(entries, "\n  "+strconv.Quote(c.Username())+": "+manifest.Strings("  ", c.Clusters...))
	}

	return "{" + strings.Join(entries, ",") + "\n}"
}

// ClustersIn returns the Konflux clusters of each credential, by its user name, as the origin
// policy has them.
func ClustersIn(policy *admissionv1.ValidatingAdmissionPolicy) map[string][]string {
	i := slices.IndexFunc(policy.Spec.Variables, func(v admissionv1.Variable) bool { return v.Name == clustersVariable })
	if i < 0 {
		return nil
	}

	// Maps and lists of strings are written in CEL as they are in YAML.
	out := map[string][]string{}
	if err := yaml.Unmarshal([]byte(policy.Spec.Variables[i].Expression), &out); err != nil {
		return nil
	}

	return out
}

// secretPolicy refuses credentials of Konflux clusters every write of a Secret that is
// to last.
func secretPolicy() manifest.Policy {
	return manifest.Policy{
		Name:       SecretPolicy,
		Group:      corev1.GroupName,
		Resources:  []string{"secrets"},
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Conditions: []admissionv1.MatchCondition{{Name: "konflux", Expression: isKonflux()}},
		Validations: []admissionv1.Validation{{
			Expression: "has(request.dryRun) && request.dryRun",
			Message:    "provider-kubernetes may only observe Secrets",
		}},
	}
}
