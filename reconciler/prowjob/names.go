// Package prowjob makes the ProwJob that provisions an ephemeral cluster, with
// Prow's own configuration and defaults, and knows which ProwJob is whose.
package prowjob

import (
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// AnnotationNamespace on a ProwJob is the namespace of its EphemeralCluster.
	// ProwJobs made before several namespaces could be watched do not have it.
	AnnotationNamespace = "ephemeralcluster.ci.openshift.io/namespace"

	// AnnotationUID on a ProwJob is the UID of its EphemeralCluster. It tells the
	// ProwJob of an EphemeralCluster from that of an earlier one of the same name.
	AnnotationUID = "ephemeralcluster.ci.openshift.io/uid"

	// jobPrefix is what the job dispatcher knows these jobs by.
	jobPrefix = "ephemeralcluster-ci-"

	// anonymousJob stands for the run that asks, when that is not known.
	anonymousJob = "org-repo-branch-" + v1.TestName
)

// Name is the name of the one ProwJob that an EphemeralCluster may have. Creating
// it again, after a crash or from a stale cache, can only meet the first.
func Name(ephemeralCluster types.UID) string {
	// A space of our own keeps these names apart from UUIDs that others make.
	space := uuid.NewSHA1(uuid.NameSpaceDNS, []byte(v1.LabelEphemeralCluster))

	return uuid.NewSHA1(space, []byte(ephemeralCluster)).String()
}

// JobName is the name of the job that an EphemeralCluster's ProwJob runs.
func JobName(ec *v1.EphemeralCluster) string {
	for _, key := range []string{v1.AnnotationPipelineRunName, v1.AnnotationTaskRunName} {
		// The name becomes part of the path of the job's artifacts, and the tenant
		// chooses it: only what could be the name of a Kubernetes object may pass.
		name := ec.GetAnnotations()[key]
		if len(validation.IsDNS1123Subdomain(name)) == 0 {
			return jobPrefix + name
		}
	}

	return jobPrefix + anonymousJob
}

// Owner is the EphemeralCluster that a ProwJob was made for. One that does not say which
// namespace that is in was made before there could be others than the default one. It is
// of that even where that is not watched: of no other is it known to be an orphan.
func Owner(pj *prowv1.ProwJob) types.NamespacedName {
	namespace := pj.GetAnnotations()[AnnotationNamespace]
	if namespace == "" {
		namespace = v1.DefaultNamespace
	}

	return types.NamespacedName{Namespace: namespace, Name: pj.GetLabels()[v1.LabelEphemeralCluster]}
}

// MadeFor reports whether a ProwJob that carries an EphemeralCluster's name was
// made for this very one, and not for an earlier one of its name.
func MadeFor(pj *prowv1.ProwJob, ec *v1.EphemeralCluster) bool {
	uid := pj.GetAnnotations()[AnnotationUID]

	return uid == "" || uid == string(ec.GetUID())
}
