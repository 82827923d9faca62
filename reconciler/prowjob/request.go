package prowjob

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// AnnotationRequest on a ProwJob is a digest of the spec.ciOperator that it was made of.
	AnnotationRequest = "ephemeralcluster.ci.openshift.io/request"

	// AnnotationClaimed on a ProwJob says whether its cluster is claimed.
	AnnotationClaimed = "ephemeralcluster.ci.openshift.io/claimed"
)

// Annotations are those of the ProwJob of an EphemeralCluster. What is asked of the
// EphemeralCluster may change, and what the ProwJob was made of does not.
func Annotations(ec *v1.EphemeralCluster) map[string]string {
	return map[string]string{
		AnnotationNamespace: ec.GetNamespace(),
		AnnotationUID:       string(ec.GetUID()),
		AnnotationWorkflow:  Workflow(ec),
		AnnotationRequest:   request(ec),
		AnnotationClaimed:   strconv.FormatBool(claimed(ec)),
	}
}

func claimed(ec *v1.EphemeralCluster) bool {
	return ec.Spec.CIOperator.Test.ClusterClaim != nil
}

// request is a digest of what an EphemeralCluster asks for.
func request(ec *v1.EphemeralCluster) string {
	b, err := json.Marshal(ec.Spec.CIOperator)
	if err != nil {
		// It has come as JSON.
		return ""
	}

	sum := sha256.Sum256(b)

	return hex.EncodeToString(sum[:16])
}

// MadeOf reports whether an EphemeralCluster still asks for what its ProwJob was made of. Of
// one that was made by an earlier version that is not known.
func MadeOf(pj *prowv1.ProwJob, ec *v1.EphemeralCluster) bool {
	made := pj.GetAnnotations()[AnnotationRequest]

	return made == "" || made == request(ec)
}

// Claimed reports whether the cluster of a ProwJob is claimed.
func Claimed(pj *prowv1.ProwJob, ec *v1.EphemeralCluster) bool {
	if is, err := strconv.ParseBool(pj.GetAnnotations()[AnnotationClaimed]); err == nil {
		return is
	}

	return claimed(ec)
}

// WorkflowOf is the workflow of a ProwJob's cluster.
func WorkflowOf(pj *prowv1.ProwJob, ec *v1.EphemeralCluster) string {
	if w, ok := pj.GetAnnotations()[AnnotationWorkflow]; ok {
		return w
	}

	return Workflow(ec)
}
