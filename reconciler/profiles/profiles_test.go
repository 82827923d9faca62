package profiles

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const valid = `
cluster_profiles:
- name: aws
  cluster_type: aws
  lease_type: aws-quota-slice
  owners:
  - org: openshift
  - konflux:
      tenant: team-a
      clusters: [stone-prd-rh01]
      cluster_groups: [production]
- name: gcp
  cluster_type: gcp
konflux:
  cluster_groups:
    production: [kflux-prd-rh02, kflux-prd-rh03]
`

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		file   string
		want   error
	}{
		"Valid":          {reason: "Fields of other readers are no error.", file: valid},
		"NotYAML":        {reason: "A file that cannot be parsed is refused.", file: "cluster_profiles: [", want: cmpopts.AnyError},
		"Empty":          {reason: "An empty file would refuse everybody.", file: "", want: cmpopts.AnyError},
		"NoName":         {reason: "A profile needs a name.", file: "cluster_profiles: [{cluster_type: aws}]", want: cmpopts.AnyError},
		"NoType":         {reason: "A profile needs a type, for the job's label.", file: "cluster_profiles: [{name: aws}]", want: cmpopts.AnyError},
		"Twice":          {reason: "Two profiles of one name contradict each other.", file: "cluster_profiles: [{name: a, cluster_type: a}, {name: a, cluster_type: b}]", want: cmpopts.AnyError},
		"NoTenant":       {reason: "An owner without a tenant is nobody.", file: "cluster_profiles: [{name: a, cluster_type: a, owners: [{konflux: {clusters: [c]}}]}]", want: cmpopts.AnyError},
		"UndefinedGroup": {reason: "A misspelt group would silently cover nothing.", file: "cluster_profiles: [{name: a, cluster_type: a, owners: [{konflux: {tenant: t, cluster_groups: [g]}}]}]", want: cmpopts.AnyError},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(tc.file))
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nParse(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOwns(t *testing.T) {
	cases := map[string]struct {
		reason  string
		who     Requester
		profile string
		want    bool
	}{
		"ByCluster":      {reason: "The tenant is listed on the cluster.", who: Requester{Tenant: "team-a", Cluster: "stone-prd-rh01"}, profile: "aws", want: true},
		"ByGroup":        {reason: "The tenant is listed on a group that the cluster is in.", who: Requester{Tenant: "team-a", Cluster: "kflux-prd-rh03"}, profile: "aws", want: true},
		"OtherCluster":   {reason: "The same tenant name on another cluster may be somebody else.", who: Requester{Tenant: "team-a", Cluster: "dev-cluster"}, profile: "aws"},
		"OtherTenant":    {reason: "A tenant that is not listed.", who: Requester{Tenant: "team-b", Cluster: "stone-prd-rh01"}, profile: "aws"},
		"Nobody":         {reason: "An unknown requester owns nothing.", who: Requester{}, profile: "aws"},
		"ProfileOfNoOne": {reason: "A profile without owners is nobody's.", who: Requester{Tenant: "team-a", Cluster: "stone-prd-rh01"}, profile: "gcp"},
	}

	s, err := Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, ok := s.Get(tc.profile)
			if !ok {
				t.Fatalf("Get(%q): not found", tc.profile)
			}

			if got := s.Owns(tc.who, p); got != tc.want {
				t.Errorf("%s\nOwns(%v, %s): want %t, got %t", tc.reason, tc.who, tc.profile, tc.want, got)
			}
		})
	}
}
