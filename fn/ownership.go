package main

import (
	"cmp"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// ownership says whose the EphemeralCluster on app.ci is.
//
// Every Konflux cluster writes to the one namespace on app.ci, and a tenant can
// choose the name of a claim's composite (spec.resourceRef). An Object that may
// write takes over an existing EphemeralCluster of that name, annotations and all,
// before the function ever sees whose it was, and deletes it with the claim. So the
// Object of a claim first only looks, and may write once app.ci is known to have
// nothing of that name.
type ownership int

const (
	// ownershipUnasked: there is no Object yet.
	ownershipUnasked ownership = iota

	// ownershipAsked: the Object looks, and app.ci has not answered.
	ownershipAsked

	// ownershipFree: nothing of that name exists, it may be created.
	ownershipFree

	// ownershipOurs: it was made for this composite.
	ownershipOurs

	// ownershipForeign: it was made for another tenant, or by another Konflux cluster,
	// and not by this one under the name that it had before.
	ownershipForeign
)

// ownershipOf says so of what an Object observes. What was asked for, as the Object has
// it, counts before the cluster's name as it is configured now: that may be corrected
// while clusters live.
func ownershipOf(c composite, configured string, ec observedEC) ownership {
	switch {
	case !ec.exists() && c.namespaced():
		// The composite's UID is part of the name.
		return ownershipFree
	case !ec.exists():
		return ownershipUnasked
	case ec.observeOnly && ec.notThere:
		return ownershipFree
	}

	tenant := stringAt(ec.actual, "metadata", "annotations", v1.AnnotationKonfluxTenant)
	madeBy := stringAt(ec.actual, "metadata", "annotations", v1.AnnotationKonfluxCluster)

	asked := stringAt(ec.asked, "metadata", "annotations", v1.AnnotationKonfluxCluster)
	known := madeBy == configured || c.hasSeen(ec)

	switch {
	case differ(tenant, c.tenant):
		return ownershipForeign
	case !ec.observeOnly && (known || !differ(madeBy, cmp.Or(asked, configured))):
		// An Object that may write was found to be ours, or made what it keeps: lost
		// annotations do not make that another's.
		return ownershipOurs
	case !ec.observeOnly:
		return ownershipForeign
	case ec.actual == nil:
		return ownershipAsked
	case tenant != "" && tenant == c.tenant && madeBy != "" && known:
		return ownershipOurs
	default:
		return ownershipForeign
	}
}

// differ reports whether two names are known and not the same.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// mayWrite reports whether the Object may create, change and delete.
func (o ownership) mayWrite() bool { return o == ownershipFree || o == ownershipOurs }
