package ephemeralcluster

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	stateVanished = "not found"

	// descriptionLimit is how many bytes of a ProwJob's description a condition takes.
	descriptionLimit = 512

	// messageLimit is how many bytes of a message a condition takes. Messages quote
	// what requesters write.
	messageLimit = 4096
)

// order of the conditions in the status: that of a cluster's life.
func order() []v1.ConditionType {
	return []v1.ConditionType{
		v1.ConditionProwJobCreating,
		v1.ConditionClusterReady,
		v1.ConditionTestCompleted,
		v1.ConditionProwJobCompleted,
	}
}

// conclude sets the conditions that follow from the end of the ProwJob.
func (s *scope) conclude() {
	switch {
	case s.settled():
	case s.unneeded != "":
		s.set(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobCompleted, s.unneeded)
	case s.vanished:
		s.end(v1.ReasonProwJobFailure, stateVanished, "")
	case s.job != nil && prowjob.Ended(s.job) && prowjob.Succeeded(s.job):
		s.end(v1.ReasonProwJobCompleted, string(s.job.Status.State), "")
	case s.job != nil && prowjob.Ended(s.job):
		s.end(v1.ReasonProwJobFailure, string(s.job.Status.State), s.job.Status.Description)
	}
}

// end concludes that the ProwJob is over, and so is the cluster.
func (s *scope) end(reason, state, description string) {
	message := v1.MessageProwJobStatePrefix + state
	s.set(v1.ConditionProwJobCompleted, metav1.ConditionTrue, reason, message)

	if description != "" {
		message += ": " + shorten(description, descriptionLimit)
	}

	s.set(v1.ConditionClusterReady, metav1.ConditionFalse, reason, message)
}

// phase says where the EphemeralCluster is in its life.
func (s *scope) phase() v1.Phase {
	switch {
	case s.settled():
		return s.old.Phase
	case s.failed, s.vanished:
		return v1.PhaseFailed
	case s.unneeded != "":
		return v1.PhaseDeprovisioned
	case s.job != nil && prowjob.Ended(s.job) && prowjob.Succeeded(s.job):
		return v1.PhaseDeprovisioned
	case s.job != nil && prowjob.Ended(s.job):
		return v1.PhaseFailed
	case !s.ec.GetDeletionTimestamp().IsZero(), s.is(v1.ConditionTestCompleted):
		return v1.PhaseDeprovisioning
	case s.is(v1.ConditionClusterReady):
		return v1.PhaseReady
	}

	return v1.PhaseProvisioning
}

// status puts together what the pass has concluded.
func (s *scope) status(kubeconfigInStatus bool) v1.EphemeralClusterStatus {
	st := v1.EphemeralClusterStatus{
		Phase:      s.phase(),
		ProwJobID:  s.old.ProwJobID,
		ProwJobURL: s.old.ProwJobURL,
	}

	if s.job != nil {
		st.ProwJobID = s.job.GetName()
	}

	if s.job != nil && s.job.Status.URL != "" {
		st.ProwJobURL = s.job.Status.URL
	}

	for _, t := range order() {
		old := s.old.GetCondition(t)

		c, concluded := s.conditions[t]
		switch {
		case !concluded && old == nil:
			continue
		case !concluded:
			c = *old
		case old != nil && old.Status == c.Status:
			c.LastTransitionTime = old.LastTransitionTime
		default:
			c.LastTransitionTime = s.now
		}

		st.Conditions = append(st.Conditions, c)
	}

	s.publishIn(&st, kubeconfigInStatus)

	return st
}

// publishIn says in a status where the credentials are. Those of a cluster that is
// gone remain, as their Secret does, until the EphemeralCluster is deleted.
func (s *scope) publishIn(st *v1.EphemeralClusterStatus, kubeconfigInStatus bool) {
	if s.foreignSecret {
		return
	}

	published := s.credentials.kubeconfig.Known()

	st.SecretRef = s.old.SecretRef
	if published {
		st.SecretRef = v1.CredentialsSecretName(s.ec.GetName())
	}

	if !kubeconfigInStatus {
		return
	}

	st.Kubeconfig, st.KubeAdminPassword = s.old.Kubeconfig, s.old.KubeAdminPassword
	if published {
		st.Kubeconfig, st.KubeAdminPassword = string(s.credentials.kubeconfig.Reveal()), string(s.credentials.password.Reveal())
	}
}

// writeStatus writes the status, if it is another than before, and then tells of
// what has changed.
func (r *Reconciler) writeStatus(ctx context.Context, s *scope) error {
	// What the pass did it has done, whether or not the status can be written.
	defer func() { r.announce(s.ec, s.happenings) }()

	want := s.status(r.kubeconfigInStatus)
	if equality.Semantic.DeepEqual(s.old, want) {
		return nil
	}

	before := s.ec.DeepCopy()
	before.Status = s.old

	s.ec.Status = want
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})

	if err := r.Client.Status().Patch(ctx, s.ec, patch); err != nil {
		return errors.Wrap(client.IgnoreNotFound(err), "cannot write status")
	}

	r.observe(s, &want)

	if s.old.Phase != want.Phase {
		log.FromContext(ctx).Info("phase changed", "from", string(s.old.Phase), "to", string(want.Phase), "prowjob", want.ProwJobID)
	}

	s.happenings = append(s.happenings, happenings(&s.old, &want)...)

	return nil
}
