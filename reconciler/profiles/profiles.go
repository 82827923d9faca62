// Package profiles reads the step registry's cluster profiles and says who may
// use them.
package profiles

import (
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"sigs.k8s.io/yaml"
)

// Profile is a cloud account to provision clusters in.
type Profile struct {
	Name        string  `json:"name"`
	ClusterType string  `json:"cluster_type"`
	Owners      []Owner `json:"owners,omitempty"`
}

// Owner may use a profile. Owners that are not Konflux tenants are kept out of
// this: they never ask for an ephemeral cluster.
type Owner struct {
	Konflux *KonfluxOwner `json:"konflux,omitempty"`
}

// KonfluxOwner is a tenant on some Konflux clusters.
type KonfluxOwner struct {
	Tenant        string   `json:"tenant"`
	Clusters      []string `json:"clusters,omitempty"`
	ClusterGroups []string `json:"cluster_groups,omitempty"`
}

// Requester is who asks for a cluster.
type Requester struct {
	Tenant  string
	Cluster string
}

// Set is all cluster profiles.
type Set struct {
	profiles map[string]Profile
	groups   map[string][]string
}

// file is the step registry's format. It has more fields than these, for other
// readers, so unknown ones are no error.
type file struct {
	ClusterProfiles []Profile `json:"cluster_profiles"`
	Konflux         struct {
		ClusterGroups map[string][]string `json:"cluster_groups,omitempty"`
	} `json:"konflux"`
}

// Parse reads and validates a cluster profiles file.
func Parse(b []byte) (*Set, error) {
	f := file{}
	if err := yaml.Unmarshal(b, &f); err != nil {
		return nil, errors.Wrap(err, "cannot parse cluster profiles")
	}

	if len(f.ClusterProfiles) == 0 {
		return nil, errors.New("cluster_profiles is empty")
	}

	s := &Set{profiles: make(map[string]Profile, len(f.ClusterProfiles)), groups: f.Konflux.ClusterGroups}

	for i, p := range f.ClusterProfiles {
		if p.Name == "" {
			return nil, errors.Errorf("cluster profile number %d has no name", i+1)
		}

		if _, exists := s.profiles[p.Name]; exists {
			return nil, errors.Errorf("cluster profile %q is defined twice", p.Name)
		}

		if p.ClusterType == "" {
			return nil, errors.Errorf("cluster profile %q has no cluster_type", p.Name)
		}

		if err := s.validateOwners(p); err != nil {
			return nil, errors.Wrapf(err, "cluster profile %q", p.Name)
		}

		s.profiles[p.Name] = p
	}

	return s, nil
}

func (s *Set) validateOwners(p Profile) error {
	for _, o := range p.Owners {
		if o.Konflux == nil {
			continue
		}

		if o.Konflux.Tenant == "" {
			return errors.New("a konflux owner has no tenant")
		}

		for _, g := range o.Konflux.ClusterGroups {
			if _, exists := s.groups[g]; !exists {
				return errors.Errorf("owner %q is on cluster group %q, which is not defined", o.Konflux.Tenant, g)
			}
		}
	}

	return nil
}

// Get returns a profile by name.
func (s *Set) Get(name string) (Profile, bool) {
	p, ok := s.profiles[name]

	return p, ok
}

// Owns reports whether a profile lists a requester among its owners.
func (s *Set) Owns(r Requester, p Profile) bool {
	if r.Tenant == "" || r.Cluster == "" {
		return false
	}

	for _, o := range p.Owners {
		if o.Konflux != nil && o.Konflux.Tenant == r.Tenant && s.covers(*o.Konflux, r.Cluster) {
			return true
		}
	}

	return false
}

func (s *Set) covers(o KonfluxOwner, cluster string) bool {
	return slices.Contains(o.Clusters, cluster) || slices.ContainsFunc(o.ClusterGroups, func(group string) bool {
		return slices.Contains(s.groups[group], cluster)
	})
}
