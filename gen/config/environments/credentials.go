package environments

import (
	"fmt"
	"slices"

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

	// Clusters that act through it.
	Clusters []string

	VaultPath     string
	TokenVersions []int
	TokenInUse    int

	// place in the file.
	place string
}

// Username is what the API server calls it.
func (c *KonfluxCredential) Username() string {
	return "system:serviceaccount:" + c.Namespace + ":" + c.ServiceAccount
}

// TokenSecret is the name of the Secret with a version of its token.
func (c *KonfluxCredential) TokenSecret(version int) string {
	return TokenSecret(c.ServiceAccount, version)
}

// TokenSecret is the name of the Secret with a version of a ServiceAccount's token.
func TokenSecret(account string, version int) string {
	return fmt.Sprintf("%s-token-v%d", account, version)
}

// TokenSecret is the name of the Secret with the token that clusters are known to have.
// The owner is the environment or the cluster whose credential it is.
func (c *Credential) TokenSecret(owner string) string {
	return TokenSecret(accountPrefix+owner, c.TokenInUse)
}

// Credentials returns the credentials that clusters use, without the legacy one.
func (f *File) Credentials() []KonfluxCredential {
	var out []KonfluxCredential

	for _, e := range f.Environments {
		shared := newCredential(e.Name, fmt.Sprintf("environments[%s]", e.Name), e.Credential)
		shared.addNamespaces(e.Namespace, e.FormerNamespaces...)

		var own []KonfluxCredential

		for _, c := range e.Clusters {
			if c.Credential == nil {
				shared.Clusters = append(shared.Clusters, c.Name)

				continue
			}

			o := newCredential(c.Name, fmt.Sprintf("environments[%s].clusters[%s]", e.Name, c.Name), *c.Credential)
			o.Clusters = []string{c.Name}
			o.addNamespaces(c.Namespace, c.FormerNamespaces...)
			own = append(own, o)
		}

		// Nobody would use one without clusters.
		if len(shared.Clusters) > 0 {
			out = append(out, shared)
		}

		out = append(out, own...)
	}

	return out
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

func newCredential(name, place string, c Credential) KonfluxCredential {
	return KonfluxCredential{
		Namespace:      CredentialsNamespace,
		ServiceAccount: accountPrefix + name,
		VaultPath:      c.VaultPath,
		TokenVersions:  c.TokenVersions,
		TokenInUse:     c.TokenInUse,
		place:          place,
	}
}

func (c *KonfluxCredential) addNamespaces(current string, former ...string) {
	c.Namespaces = append(c.Namespaces, current)
	c.Namespaces = append(c.Namespaces, former...)
	slices.Sort(c.Namespaces)
	c.Namespaces = slices.Compact(c.Namespaces)
}
