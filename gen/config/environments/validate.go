package environments

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// CredentialsNamespace holds the ServiceAccounts of Konflux clusters on app.ci,
	// and their tokens. No credential has any right in it.
	CredentialsNamespace = "ephemeral-cluster-credentials"

	// ProwNamespace holds ProwJobs, and the reconciler.
	ProwNamespace = "ci"

	// BaseDir is the directory of what an environment's clusters share.
	BaseDir = "base"

	// Placeholder is the digest of what is not published yet.
	Placeholder = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
)

// validate finds what no schema can: names and places that clash.
func (f *File) validate() error {
	problems := slices.Concat(
		f.clashingNames(),
		f.clashingNamespaces(),
		f.clashingVaultPaths(),
		f.missingTokens(),
		f.misplacedCredentials(),
		f.clashingReleases(),
	)

	// Where names clash, nobody knows which credential is whose.
	if len(problems) == 0 {
		problems = f.strandedClusters()
	}

	return join(problems)
}

func (f *File) clashingNames() []string {
	var problems []string

	environments, clusters, accounts := claims{}, claims{}, claims{}

	for _, e := range f.Environments {
		problems = append(problems, environments.add(e.Name, placeOf(e), "name")...)

		if e.Name == BaseDir {
			problems = append(problems, placeOf(e)+": the name is that of a directory that all environments share")
		}

		for _, c := range e.Clusters {
			problems = append(problems, clusters.add(c.Name, placeOf(e, c), "name")...)

			if c.Name == BaseDir {
				problems = append(problems, placeOf(e, c)+": the name is that of a directory that all clusters share")
			}
		}
	}

	for _, c := range f.Credentials() {
		problems = append(problems, accounts.add(c.ServiceAccount, c.place, "ServiceAccount")...)
	}

	return problems
}

// clashingNamespaces lets credentials share the default namespace only: any other
// is there to keep the others out. One that a cluster is leaving is shared with its
// environment, which has it.
func (f *File) clashingNamespaces() []string {
	var problems []string

	owners := claims{}

	for _, e := range f.Environments {
		for _, c := range e.Clusters {
			if c.Credential == nil && c.Namespace != e.Namespace {
				problems = append(problems, placeOf(e, c)+": a namespace of its own needs a credential of its own, or the environment's would reach it")
			}
		}
	}

	credentials := f.Credentials()
	for _, c := range credentials {
		for _, ns := range c.Namespaces {
			switch {
			case ns == CredentialsNamespace || ns == ProwNamespace || strings.HasPrefix(ns, "kube-") || strings.HasPrefix(ns, "openshift-"):
				problems = append(problems, fmt.Sprintf("%s: namespace %q has Secrets that no credential of a Konflux cluster may read", c.place, ns))
			case ns != v1.DefaultNamespace && slices.Contains(c.own, ns):
				problems = append(problems, owners.add(ns, c.place, "namespace")...)
			}
		}
	}

	return append(problems, f.othersNamespaces()...)
}

// othersNamespaces finds clusters that say they have left a namespace in which only another
// cluster can have been.
func (f *File) othersNamespaces() []string {
	var problems []string

	private := map[string]Cluster{}

	for _, e := range f.Environments {
		for _, c := range e.Clusters {
			if c.Namespace != e.Namespace {
				private[c.Namespace] = c
			}
		}
	}

	for _, e := range f.Environments {
		for _, c := range e.Clusters {
			for _, ns := range c.FormerNamespaces {
				if owner, ok := private[ns]; ok && owner.Name != c.Name {
					problems = append(problems, fmt.Sprintf("%s: namespace %q is only for cluster %s", placeOf(e, c), ns, owner.Name))
				}
			}
		}
	}

	return problems
}

func (f *File) clashingVaultPaths() []string {
	credentials, paths := f.Credentials(), claims{}

	problems := make([]string, 0, len(credentials))
	for _, c := range credentials {
		problems = append(problems, paths.add(c.VaultPath, c.place, "Vault path")...)
	}

	return problems
}

// missingTokens finds tokens in use that would end.
func (f *File) missingTokens() []string {
	var problems []string

	for _, c := range f.Credentials() {
		if !slices.Contains(c.TokenVersions, c.TokenInUse) {
			problems = append(problems, fmt.Sprintf("%s.credential: version %d of the token is in use, but not one of tokenVersions: clusters would be cut off from app.ci", c.place, c.TokenInUse))
		}
	}

	return problems
}

// misplacedCredentials finds what is said about credentials where it means nothing.
func (f *File) misplacedCredentials() []string {
	var problems []string

	for _, e := range f.Environments {
		if e.Credential.InUse {
			problems = append(problems, placeOf(e)+".credential: inUse is for a cluster's own: an environment's is in use by all that have no other")
		}

		for _, c := range e.Clusters {
			uses := e.Name
			if c.usesOwn() {
				uses = c.Name
			}

			_, known := f.Find(c.FormerCredential)

			switch {
			case c.FormerCredential == "":
			case c.FormerCredential == uses:
				problems = append(problems, fmt.Sprintf("%s: formerCredential is the one that it uses, that of %s", placeOf(e, c), uses))
			case !known && (c.FormerCredential != c.Name || c.Credential == nil):
				problems = append(problems, fmt.Sprintf("%s: there is no credential of %s that it can have used", placeOf(e, c), c.FormerCredential))
			}
		}
	}

	return problems
}

// strandedClusters finds clusters whose EphemeralClusters would be out of reach of a
// credential that they are to use.
func (f *File) strandedClusters() []string {
	var problems []string

	credentials := f.Credentials()

	for _, e := range f.Environments {
		for _, c := range e.Clusters {
			ns := f.ConnectionOf(e, c).Namespace

			for _, k := range credentials {
				if slices.Contains(k.Clusters, c.Name) && !slices.Contains(k.Namespaces, ns) {
					problems = append(problems, fmt.Sprintf("%s: its EphemeralClusters are in namespace %q, out of reach of ServiceAccount %s: name it in formerNamespaces, or, if it is a new cluster and has none, say that its credential is inUse", placeOf(e, c), ns, k.ServiceAccount))
				}
			}
		}
	}

	return problems
}

// clashingReleases finds versions that mean different things in different places.
// What belongs to one release is released together: the function, and the XRDs that it
// was built with. The CRD on app.ci may be of a later release than the reconciler there,
// which can be rolled back while Konflux clusters still rely on what that brought.
func (f *File) clashingReleases() []string {
	problems := []string{}

	digests, apis := values{}, values{}
	note := func(repository string, r Release, place string) {
		// To say nothing is to say nothing else.
		if r.Digest == Placeholder {
			return
		}

		problems = append(problems, digests.add(repository+" "+r.Version, r.Digest, place)...)
	}

	for _, e := range f.Environments {
		all := map[string]Versions{placeOf(e) + ".versions": e.Versions}
		for _, c := range e.Clusters {
			if *c.Versions != e.Versions {
				all[placeOf(e, c)+".versions"] = *c.Versions
			}
		}

		for _, place := range slices.Sorted(maps.Keys(all)) {
			v := all[place]
			note(f.Packages.Function, v.Function, place+".function")
			note(f.Packages.Provider, v.Provider, place+".provider")

			problems = append(problems, apis.add("release "+v.Function.Version, v.API, place+".api")...)
		}
	}

	note(f.Packages.Reconciler, f.AppCI.Versions.Reconciler, "appCI.versions.reconciler")

	return problems
}

// claims are names that only one place can have.
type claims map[string]string

func (c claims) add(name, place, what string) []string {
	if other, ok := c[name]; ok {
		return []string{fmt.Sprintf("%s: %s %q is that of %s too", place, what, name, other)}
	}

	c[name] = place

	return nil
}

// values are what must be said alike wherever it is said.
type values map[string]struct{ value, place string }

func (v values) add(of, value, place string) []string {
	if other, ok := v[of]; ok && other.value != value {
		return []string{fmt.Sprintf("%s: %s is %s here, but %s at %s: bump both or neither", place, of, value, other.value, other.place)}
	}

	v[of] = struct{ value, place string }{value, place}

	return nil
}
