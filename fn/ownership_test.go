package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestOwnershipOf(t *testing.T) {
	ours := composite{name: "a", tenant: "tenant-a"}

	seen := composite{name: "a", tenant: "tenant-a", status: fromYAML("{prowJobId: id}")}

	annotated := func(tenant, cluster string) *structpb.Struct {
		s := fromYAML("{metadata: {annotations: {}}}")
		if tenant != "" {
			s = set(s, tenant, "metadata", "annotations", "ephemeralcluster.ci.openshift.io/konflux-tenant")
		}

		if cluster != "" {
			s = set(s, cluster, "metadata", "annotations", "ephemeralcluster.ci.openshift.io/konflux-cluster")
		}

		return s
	}

	o := &structpb.Struct{}

	cases := map[string]struct {
		reason  string
		c       composite
		cluster string
		ec      observedEC
		want    ownership
	}{
		"New":                {reason: "Nobody has asked yet.", c: ours, cluster: "one", want: ownershipUnasked},
		"NewNamespaced":      {reason: "A name with a UID in it is free.", c: composite{name: "a", namespace: "tenant-a", tenant: "tenant-a"}, cluster: "one", want: ownershipFree},
		"Asked":              {reason: "No answer is no leave.", c: ours, cluster: "one", ec: observedEC{object: o, observeOnly: true}, want: ownershipAsked},
		"Free":               {reason: "Nothing is there.", c: ours, cluster: "one", ec: observedEC{object: o, observeOnly: true, notThere: true}, want: ownershipFree},
		"FreeAgain":          {reason: "What was another's is gone.", c: ours, cluster: "one", ec: observedEC{object: o, observeOnly: true, notThere: true, actual: annotated("tenant-b", "one")}, want: ownershipFree},
		"FoundOurs":          {reason: "It was made for this composite before.", c: ours, cluster: "one", ec: observedEC{object: o, observeOnly: true, actual: annotated("tenant-a", "one")}, want: ownershipOurs},
		"FoundUnmarked":      {reason: "It may be anybody's.", c: ours, cluster: "one", ec: observedEC{object: o, observeOnly: true, actual: annotated("", "one")}, want: ownershipForeign},
		"FoundClusterless":   {reason: "It may be anybody's, as long as the cluster's name is not known.", c: ours, ec: observedEC{object: o, observeOnly: true, actual: annotated("tenant-a", "one")}, want: ownershipForeign},
		"Creating":           {reason: "The Object may write, and has not been seen to.", c: ours, cluster: "one", ec: observedEC{object: o}, want: ownershipOurs},
		"LostAnnotations":    {reason: "Lost annotations are put back.", c: ours, cluster: "one", ec: observedEC{object: o, actual: annotated("", "")}, want: ownershipOurs},
		"OtherTenant":        {reason: "It is another tenant's, even for an Object that may write.", c: ours, cluster: "one", ec: observedEC{object: o, actual: annotated("tenant-b", "one")}, want: ownershipForeign},
		"OtherCluster":       {reason: "It is another Konflux cluster's.", c: ours, cluster: "one", ec: observedEC{object: o, actual: annotated("tenant-a", "two")}, want: ownershipForeign},
		"Corrected":          {reason: "A live cluster keeps the name that it was made with.", c: ours, cluster: "two", ec: observedEC{object: o, asked: annotated("tenant-a", "one"), actual: annotated("tenant-a", "one")}, want: ownershipOurs},
		"CorrectedMeanwhile": {reason: "A name that was corrected while it was created is no other's.", c: ours, cluster: "one", ec: observedEC{object: o, asked: annotated("tenant-a", "two"), actual: annotated("tenant-a", "one")}, want: ownershipOurs},
		"CorrectedTwice":     {reason: "One that is neither is.", c: ours, cluster: "one", ec: observedEC{object: o, asked: annotated("tenant-a", "two"), actual: annotated("tenant-a", "three")}, want: ownershipForeign},
		"SeenBefore":         {reason: "An Object that was made again finds what the composite has told of.", c: seen, cluster: "two", ec: observedEC{object: o, observeOnly: true, actual: set(annotated("tenant-a", "one"), "id", "status", "prowJobId")}, want: ownershipOurs},
		"NotSeenBefore":      {reason: "And nothing else.", c: seen, cluster: "two", ec: observedEC{object: o, observeOnly: true, actual: set(annotated("tenant-a", "one"), "other", "status", "prowJobId")}, want: ownershipForeign},
		"NamespacedCollides": {reason: "So it is for a namespaced composite.", c: composite{name: "a", namespace: "tenant-a", tenant: "tenant-a"}, cluster: "one", ec: observedEC{object: o, actual: annotated("tenant-b", "one")}, want: ownershipForeign},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ownershipOf(tc.c, tc.cluster, tc.ec)); diff != "" {
				t.Errorf("%s\nownershipOf(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
