package prowjob

import (
	"time"

	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// AnnotationWorkflow on a ProwJob is the workflow that provisions its cluster.
	AnnotationWorkflow = "ephemeralcluster.ci.openshift.io/workflow"

	// AnnotationReadyAt on a ProwJob is when its cluster became ready. A ProwJob
	// itself knows only when it began and ended.
	AnnotationReadyAt = "ephemeralcluster.ci.openshift.io/cluster-ready-at"

	// hypershiftWorkflow takes very different times on different management
	// clusters, so these are told apart.
	hypershiftWorkflow = "hypershift-hostedcluster-workflow"
	envManagement      = "HOSTED_MANAGEMENT_CLUSTER"
)

// Workflow is what durations of EphemeralClusters are told apart by. It is empty for
// a claimed cluster that runs no workflow.
func Workflow(ec *v1.EphemeralCluster) string {
	t := ec.Spec.CIOperator.Test
	if m, ok := t.Env[envManagement]; ok && t.Workflow == hypershiftWorkflow {
		return t.Workflow + "_" + m
	}

	return t.Workflow
}

// MarkReady records in a ProwJob when its cluster became ready.
func MarkReady(pj *prowv1.ProwJob, workflow string, at time.Time) {
	a := pj.GetAnnotations()
	if a == nil {
		a = map[string]string{}
	}

	// ProwJobs made by earlier versions do not have the workflow.
	a[AnnotationWorkflow] = workflow
	a[AnnotationReadyAt] = at.UTC().Format(time.RFC3339)
	pj.SetAnnotations(a)
}

// MarkedReady reports whether a ProwJob says when its cluster became ready.
func MarkedReady(pj *prowv1.ProwJob) bool {
	return pj.GetAnnotations()[AnnotationReadyAt] != ""
}

// Provisioned is the workflow of a ProwJob's cluster, and how long after the
// ProwJob's start it was ready. It is false for a ProwJob that does not say.
func Provisioned(pj *prowv1.ProwJob) (string, time.Duration, bool) {
	at, err := time.Parse(time.RFC3339, pj.GetAnnotations()[AnnotationReadyAt])
	if err != nil || pj.Status.StartTime.IsZero() {
		return "", 0, false
	}

	took := at.Sub(pj.Status.StartTime.Time)

	return pj.GetAnnotations()[AnnotationWorkflow], took, took >= 0
}
