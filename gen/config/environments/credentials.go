package environments

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// accountPrefix sets the ServiceAccounts of Konflux clusters apart from others.
const accountPrefix = "konflux-"

// A KonfluxCredential is a ServiceAccount of app.ci, and what it serves.
type KonfluxCredential struct {
	// Namespace and name of the ServiceAccount.
	Namespace, ServiceAccount string

	// Namespaces that it keeps EphemeralClusters in.
	Namespaces []string

	// Clusters that act through it, or may while they change to or from it.
	Clusters []string

	VaultPath     string
	TokenVersions []int
	TokenInUse    int

	// place in the file.
	place string

	// own are those of its namespaces that no other credential keeps for itself.
	own []string
}

// A Connection is how a Konflux cluster reaches app.ci.
type Connection struct {
	// VaultPath is where the cluster gets its kubeconfig from.
	VaultPath string

	// Token is the Secret, on app.ci, of the token that the cluster is known to have.
	Token string

	// Namespace is where the cluster's new EphemeralClusters go.
	Namespace string
}

// Username is what the API server calls it.
func (k *KonfluxCredential) Username() string {
	return "system:serviceaccount:" + k.Namespace + ":" + k.ServiceAccount
}

// TokenSecret is the name of the Secret with a version of its token.
func (k *KonfluxCredential) TokenSecret(version int) string {
	return TokenSecret(k.ServiceAccount, version)
}

// TokenSecret is the name of the Secret with a version of a ServiceAccount's token.
func TokenSecret(account string, version int) string {
	return fmt.Sprintf("%s-token-v%d", account, version)
}

// Connection is that of the clusters that use the environment's credential.
func (e *Environment) Connection() Connection {
	return newConnection(e.Name, e.Namespace, e.Credential)
}

// ConnectionOf returns how a cluster of an environment reaches app.ci. While it changes from
// one credential to another it fetches that, and all else is as it was.
func (f *File) ConnectionOf(e Environment, c Cluster) Connection {
	connection := e.Connection()
	if c.usesOwn() {
		connection = newConnection(c.Name, c.Namespace, *c.Credential)
	}

	former := connection
	if o, ok := f.Find(c.FormerCredential); ok {
		former = o.Connection()
	} else if c.FormerCredential == c.Name && c.Credential != nil {
		former = newConnection(c.Name, c.Namespace, *c.Credential)
	}

	connection.Token, connection.Namespace = former.Token, former.Namespace

	return connection
}

func newConnection(owner, namespace string, c Credential) Connection {
	return Connection{VaultPath: c.VaultPath, Token: TokenSecret(accountPrefix+owner, c.TokenInUse), Namespace: namespace}
}

// usesOwn says whether a cluster uses a credential of its own.
func (c *Cluster) usesOwn() bool {
	return c.Credential != nil && c.Credential.InUse
}

// Credentials returns the credentials that clusters use, without the legacy one.
func (f *File) Credentials() []KonfluxCredential {
	var all []KonfluxCredential //nolint:prealloc // How many there are shows as they are found.

	for _, e := range f.Environments {
		shared := newCredential(e.Name, placeOf(e), e.Credential, append([]string{e.Namespace}, e.FormerNamespaces...)...)

		var own []KonfluxCredential

		for _, c := range e.Clusters {
			if c.Credential != nil {
				o := newCredential(c.Name, placeOf(e, c), *c.Credential, c.Namespace)
				o.serve(c)
				own = append(own, o)
			}

			// One of its own has to be there before the cluster can use it.
			if !c.usesOwn() {
				shared.serve(c)
			}
		}

		all = append(all, shared)
		all = append(all, own...)
	}

	for _, e := range f.Environments {
		for _, c := range e.Clusters {
			i := slices.IndexFunc(all, func(k KonfluxCredential) bool { return k.ServiceAccount == accountPrefix+c.FormerCredential })
			if i >= 0 && !slices.Contains(all[i].Clusters, c.Name) {
				all[i].Clusters = append(all[i].Clusters, c.Name)
			}
		}
	}

	// Nobody would use one without clusters.
	return slices.DeleteFunc(all, func(k KonfluxCredential) bool { return len(k.Clusters) == 0 })
}

// CredentialOf returns the credential that a cluster fetches.
func (f *File) CredentialOf(cluster string) (KonfluxCredential, bool) {
	for _, e := range f.Environments {
		for _, c := range e.Clusters {
			if c.Name != cluster {
				continue
			}

			path := f.ConnectionOf(e, c).VaultPath
			all := f.Credentials()
			i := slices.IndexFunc(all, func(k KonfluxCredential) bool { return k.VaultPath == path })

			return all[i], true
		}
	}

	return KonfluxCredential{}, false
}

// Legacy returns the credential of old, which serves all clusters in the default
// namespace, or none once it is retired.
func (f *File) Legacy() []KonfluxCredential {
	if !f.AppCI.LegacyServiceAccount {
		return nil
	}

	c := KonfluxCredential{
		Namespace:      v1.DefaultNamespace,
		ServiceAccount: v1.DefaultNamespace,
		Namespaces:     []string{v1.DefaultNamespace},
	}

	for _, e := range f.Environments {
		for _, k := range e.Clusters {
			c.Clusters = append(c.Clusters, k.Name)
		}
	}

	return []KonfluxCredential{c}
}

// Namespaces returns all namespaces of app.ci that hold EphemeralClusters.
func (f *File) Namespaces() []string {
	var out []string
	for _, c := range slices.Concat(f.Credentials(), f.Legacy()) {
		out = append(out, c.Namespaces...)
	}

	slices.Sort(out)

	return slices.Compact(out)
}

// Find returns an environment by name.
func (f *File) Find(name string) (Environment, bool) {
	i := slices.IndexFunc(f.Environments, func(e Environment) bool { return e.Name == name })
	if i < 0 {
		return Environment{}, false
	}

	return f.Environments[i], true
}

func newCredential(name, place string, c Credential, namespaces ...string) KonfluxCredential {
	k := KonfluxCredential{
		Namespace:      CredentialsNamespace,
		ServiceAccount: accountPrefix + name,
		VaultPath:      c.VaultPath,
		TokenVersions:  c.TokenVersions,
		TokenInUse:     c.TokenInUse,
		place:          place,
		own:            namespaces,
	}
	k.addNamespaces(namespaces)

	return k
}

// serve lets a credential speak for a cluster, also about what that has left behind.
func (k *KonfluxCredential) serve(c Cluster) {
	k.Clusters = append(k.Clusters, c.Name)
	k.addNamespaces(c.FormerNamespaces)
}

func (k *KonfluxCredential) addNamespaces(more []string) {
	k.Namespaces = slices.Concat(k.Namespaces, more)
	slices.Sort(k.Namespaces)
	k.Namespaces = slices.Compact(k.Namespaces)
}

// placeOf says where in the file an environment is, or a cluster of it.
func placeOf(e Environment, cs ...Cluster) string {
	b := &strings.Builder{}

	_, _ = fmt.Fprintf(b, "environments[%s]", e.Name)
	for _, c := range cs {
		_, _ = fmt.Fprintf(b, ".clusters[%s]", c.Name)
	}

	return b.String()
}
