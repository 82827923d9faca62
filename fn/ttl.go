package main

import (
	"time"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// How long a response stays true if nothing that Crossplane watches changes. Changes
// of the Objects, of the composite and, since Crossplane 2.4, of the
// EnvironmentConfig bring the next call at once, so these only bound what a missed
// one costs.
const (
	// ttlHandingOver: the cluster is ready and the credentials Object is to publish
	// them, in a connection Secret that nothing watches.
	ttlHandingOver = 10 * time.Second

	// ttlMoving: something is expected to happen.
	ttlMoving = time.Minute

	// ttlReady: the cluster is in use.
	ttlReady = 5 * time.Minute

	// ttlDone: nothing will happen any more.
	ttlDone = time.Hour
)

func ttlFor(phase v1.Phase, handingOver, handedOver bool) time.Duration {
	switch {
	case terminal(phase):
		return ttlDone
	case handingOver:
		return ttlHandingOver
	case phase == v1.PhaseReady && handedOver:
		return ttlReady
	default:
		return ttlMoving
	}
}
