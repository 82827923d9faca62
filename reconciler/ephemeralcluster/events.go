package ephemeralcluster

import (
	"fmt"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// actionReconcile is what Events say was being done.
const actionReconcile = "Reconcile"

// phaseNote says in words what an EphemeralCluster's phase means.
func phaseNote(st *v1.EphemeralClusterStatus) string {
	switch st.Phase {
	case v1.PhaseProvisioning:
		return fmt.Sprintf("ProwJob %s provisions the cluster", st.ProwJobID)
	case v1.PhaseReady:
		return fmt.Sprintf("the cluster can be used with the credentials in Secret %s", st.SecretRef)
	case v1.PhaseDeprovisioning:
		return fmt.Sprintf("ProwJob %s is told to destroy the cluster", st.ProwJobID)
	case v1.PhaseDeprovisioned:
		return "the cluster is gone"
	case v1.PhaseFailed:
		return failureNote(st)
	}

	return string(st.Phase)
}

func failureNote(st *v1.EphemeralClusterStatus) string {
	for _, t := range []v1.ConditionType{v1.ConditionProwJobCompleted, v1.ConditionProwJobCreating} {
		if c := st.GetCondition(t); c != nil && c.Message != "" {
			return fmt.Sprintf("%s: %s", c.Reason, c.Message)
		}
	}

	return "no ProwJob can be made"
}
