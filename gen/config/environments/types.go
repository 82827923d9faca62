// Package environments reads gen/environments.yaml, which says of every environment
// and cluster what it runs, and moves versions in it.
package environments

import (
	"slices"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// Modes of the API that a Konflux cluster serves.
const (
	// Claims are Crossplane 1's, and what deployed clusters serve.
	Claims Mode = "claims"

	// V2 are Crossplane 2's namespaced composites.
	V2 Mode = "v2"
)

const (
	defaultVaultPath       = "production/openshift-ci/appci-cluster"
	defaultMonitoring      = "openshift-user-workload-monitoring"
	defaultRepository      = "https://github.com/openshift/release.git"
	defaultProwConfig      = "core-services/prow/02_config/_config.yaml"
	defaultClusterProfiles = "ci-operator/step-registry/cluster-profiles/cluster-profiles-config.yaml"
)

// Patterns of values.
const (
	patternName       = `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	patternRepository = `^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$`
	patternDigest     = `^sha256:[0-9a-f]{64}$`
	patternVersion    = `^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`
	patternDuration   = `^([0-9]+(h|m|s))+$`
	patternPath       = `^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`
	patternURL        = `^https://[^ ]+$`
	patternImage      = `^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$`
)

// A Mode is the API that a Konflux cluster serves. Both share a CRD's name, so it
// serves one or the other.
type Mode string

// File is all of gen/environments.yaml.
type File struct {
	// Where packages and images are published, without a version.
	Packages Packages `json:"packages"`

	// OpenShift CI's central cluster.
	AppCI AppCI `json:"appCI"`

	// Konflux' environments, in the order in which a version goes through them: what
	// is new goes to the first, and is promoted on.
	Environments []Environment `json:"environments"`
}

// Packages are repositories.
type Packages struct {
	// Repository of the composition function's package.
	Function string `json:"function" pattern:"repository"`

	// Repository of provider-kubernetes' package.
	Provider string `json:"provider" pattern:"repository"`

	// Repository of the reconciler's image.
	Reconciler string `json:"reconciler" pattern:"repository"`
}

// A Release is one published package or image.
type Release struct {
	// Version, for people and for comparing.
	Version string `json:"version" pattern:"version"`

	// Digest that is installed. All zeros stand for a version that is not published
	// yet.
	Digest string `json:"digest" pattern:"digest"`
}

// AppCI says what app.ci runs.
type AppCI struct {
	// What app.ci runs.
	Versions AppCIVersions `json:"versions"`

	// Whether the one credential of old, ServiceAccount
	// ephemeral-cluster/ephemeral-cluster, still serves all clusters. False once every
	// Konflux cluster uses a credential of its own.
	LegacyServiceAccount bool `json:"legacyServiceAccount,omitempty"`

	// Settings of the reconciler.
	Reconciler Reconciler `json:"reconciler"`
}

// AppCIVersions are the versions that app.ci runs.
type AppCIVersions struct {
	// Digest of the set of definitions, kept in deploy/api, that the CRD of
	// EphemeralCluster is part of.
	API string `json:"api" pattern:"digest"`

	// The reconciler's image.
	Reconciler Release `json:"reconciler"`
}

// Reconciler has the settings of the reconciler.
type Reconciler struct {
	// Age at which a cluster is torn down even if nobody asks for it.
	MaxLifetime string `json:"maxLifetime" pattern:"duration"`

	// Tenants that may use every cluster profile.
	PrivilegedTenants []string `json:"privilegedTenants,omitempty" pattern:"name"`

	// Secret in namespace ci with the kubeconfigs of all build clusters. Its keys end
	// in config.
	KubeconfigSecret string `json:"kubeconfigSecret" pattern:"name"`

	// Versions of its long-lived token on every build cluster, each a Secret there. Two
	// of them overlap while the token is rotated: see deploy/README.md.
	TokenVersions []int `json:"tokenVersions"`

	// Image of git-sync, which keeps a checkout of the repository below.
	GitSyncImage string `json:"gitSyncImage" pattern:"image"`

	// Repository with Prow's configuration and the step registry.
	Repository string `default:"https://github.com/openshift/release.git" json:"repository,omitempty" pattern:"url"`

	// File of Prow's configuration in the repository.
	ProwConfig string `default:"core-services/prow/02_config/_config.yaml" json:"prowConfig,omitempty" pattern:"path"`

	// File of the cluster profiles in the repository.
	ClusterProfiles string `default:"ci-operator/step-registry/cluster-profiles/cluster-profiles-config.yaml" json:"clusterProfiles,omitempty" pattern:"path"`

	// Namespace of the Prometheus that scrapes the reconciler.
	MonitoringNamespace string `default:"openshift-user-workload-monitoring" json:"monitoringNamespace,omitempty" pattern:"name"`
}

// An Environment is a group of Konflux clusters that run the same versions.
type Environment struct {
	// Name, and the directory below deploy/konflux.
	Name string `json:"name" pattern:"name"`

	// API that tenants use.
	API Mode `enum:"claims,v2" json:"api"`

	// Namespace on app.ci that holds the EphemeralClusters.
	Namespace string `default:"ephemeral-cluster" json:"namespace,omitempty" pattern:"name"`

	// Namespaces on app.ci that still hold EphemeralClusters made before namespace was
	// changed. Remove each when it is empty.
	FormerNamespaces []string `json:"formerNamespaces,omitempty" pattern:"name"`

	// Credential of app.ci that all clusters without their own share.
	Credential Credential `json:"credential"`

	// What the clusters run. gen promote moves these to another environment.
	Versions Versions `json:"versions"`

	// Konflux clusters.
	Clusters []Cluster `json:"clusters"`
}

// A Credential is a ServiceAccount of app.ci, and where its kubeconfig is kept.
type Credential struct {
	// Path in Vault of the kubeconfig. No two credentials can have the same.
	VaultPath string `default:"production/openshift-ci/appci-cluster" json:"vaultPath,omitempty" pattern:"path"`

	// Versions of the long-lived token, each a Secret. Two of them overlap while the
	// token is rotated: see deploy/README.md.
	TokenVersions []int `json:"tokenVersions"`

	// Version of the token that clusters are known to have. When it changes,
	// provider-kubernetes is started anew, because its watches keep to the token that
	// they began with. The lowest of the versions if it is left out.
	TokenInUse int `json:"tokenInUse,omitempty"`

	// Whether the cluster whose own this is uses it. Its kubeconfig is in Vault then. A
	// cluster that is new says so at once.
	InUse bool `json:"inUse,omitempty"`
}

// Versions are what a Konflux cluster runs.
type Versions struct {
	// Digest of the set of definitions, kept in deploy/api, that the XRD and the
	// Composition are part of.
	API string `json:"api" pattern:"digest"`

	// The composition function's package.
	Function Release `json:"function"`

	// provider-kubernetes' package.
	Provider Release `json:"provider"`
}

// A Cluster is a Konflux cluster. Whatever it leaves out is its environment's.
type Cluster struct {
	// Name that EphemeralClusters are annotated with, and the directory below the
	// environment's.
	Name string `json:"name" pattern:"name"`

	// API, if not the environment's.
	API Mode `enum:"claims,v2" json:"api,omitempty"`

	// Namespace on app.ci, if not the environment's. It needs a credential of its own.
	Namespace string `json:"namespace,omitempty" pattern:"name"`

	// Namespaces on app.ci that still hold EphemeralClusters of this cluster, made before
	// its credential or its environment was changed. Remove each when it holds none.
	FormerNamespaces []string `json:"formerNamespaces,omitempty" pattern:"name"`

	// Credential of its own. It is the environment's that the cluster uses until this one
	// is inUse.
	Credential *Credential `json:"credential,omitempty"`

	// Environment whose credential the cluster has used so far, or the cluster's own name
	// for its own. It may speak for the cluster, and new EphemeralClusters go where they
	// went, until this is removed: once the cluster is known to have the other.
	FormerCredential string `json:"formerCredential,omitempty" pattern:"name"`

	// Versions, if not the environment's. gen promote leaves them alone.
	Versions *Versions `json:"versions,omitempty"`
}

// setDefaults fills in what is left out.
func (f *File) setDefaults() {
	r := &f.AppCI.Reconciler
	setDefault(&r.Repository, defaultRepository)
	setDefault(&r.ProwConfig, defaultProwConfig)
	setDefault(&r.ClusterProfiles, defaultClusterProfiles)
	setDefault(&r.MonitoringNamespace, defaultMonitoring)

	for i := range f.Environments {
		e := &f.Environments[i]
		setDefault(&e.Namespace, v1.DefaultNamespace)
		e.Credential.setDefaults()

		for j := range e.Clusters {
			c := &e.Clusters[j]
			setDefault(&c.Namespace, e.Namespace)

			if c.API == "" {
				c.API = e.API
			}

			if c.Versions == nil {
				c.Versions = new(e.Versions)
			}

			if c.Credential != nil {
				c.Credential.setDefaults()
			}
		}
	}
}

func (c *Credential) setDefaults() {
	setDefault(&c.VaultPath, defaultVaultPath)

	if c.TokenInUse == 0 && len(c.TokenVersions) > 0 {
		c.TokenInUse = slices.Min(c.TokenVersions)
	}
}

func setDefault(to *string, value string) {
	if *to == "" {
		*to = value
	}
}
