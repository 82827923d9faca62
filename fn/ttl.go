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
	// ttlHandingOver: the cluster is ready and its credentials are on their way, by a
	// connection Secret that nothing watches.
	ttlHandingOver = 10 * time.Second

	// ttlMoving: something is expected to happen.
	ttlMoving = time.Minute

	// ttlReady: the cluster is in use.
	ttlReady = 5 * time.Minute

	// ttlDone: nothing will happen any more.
	ttlDone = time.Hour
)

func ttlFor(phase v1.Phase, clusterReady, handedOver bool) time.Duration {
	switch {
	case terminal(phase):
		return ttlDone
	case clusterReady && !handedOver:
		return ttlHandingOver
	case clusterReady && phase == v1.PhaseReady:
		return ttlReady
	default:
		return ttlMoving
	}
}
