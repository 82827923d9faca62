package appci

import (
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// plural is the resource of EphemeralClusters.
const plural = "ephemeralclusters"

// account returns a credential's ServiceAccount and its long-lived tokens. Argo CD keeps
// them: whoever still uses one would be cut off with it.
func account(c environments.KonfluxCredential) []any {
	account := manifest.ServiceAccount(c.Namespace, c.ServiceAccount)
	account.Annotations = map[string]string{manifest.AnnotationSyncOptions: manifest.Keep}

	objs := make([]any, 0, 1+len(c.TokenVersions))
	objs = append(objs, account)

	for _, v := range c.TokenVersions {
		token := manifest.Token(account, c.TokenSecret(v))
		token.Annotations[manifest.AnnotationSyncOptions] = manifest.Keep
		objs = append(objs, token)
	}

	return objs
}

// rights are all that provider-kubernetes needs on app.ci. Its watch of
// EphemeralClusters knows no namespace. It reads Secrets by name and watches none of
// them, but asks for a dry run of a server-side apply of each that it observes, which
// takes the verb patch: a policy refuses it every write that is to last.
func rights(c environments.KonfluxCredential) []any {
	account := manifest.ServiceAccount(c.Namespace, c.ServiceAccount)
	name := roleName(c)

	objs := make([]any, 0, 2+2*len(c.Namespaces))
	objs = append(objs,
		manifest.ClusterRole(name, manifest.Rule(v1.Group, plural, "list,watch")),
		manifest.BindClusterRole(name, account),
	)

	for _, ns := range c.Namespaces {
		objs = append(objs,
			manifest.Role(ns, name,
				manifest.Rule(v1.Group, plural, "get,create,patch,delete"),
				manifest.Rule(corev1.GroupName, "secrets", "get,patch"),
			),
			manifest.BindRole(ns, name, account),
		)
	}

	return objs
}

func roleName(c environments.KonfluxCredential) string {
	if isLegacy(c) {
		return "ephemeral-cluster-legacy"
	}

	return "ephemeral-cluster-" + c.ServiceAccount
}

// isLegacy says whether a credential is the one of old.
func isLegacy(c environments.KonfluxCredential) bool {
	return c.ServiceAccount == v1.DefaultNamespace
}
