package ephemeralcluster

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// scope is what one pass over an EphemeralCluster knows and concludes.
type scope struct {
	// ec is as it was read, except for what the pass wrote to its metadata.
	ec *v1.EphemeralCluster

	// old is the status as it was read.
	old v1.EphemeralClusterStatus

	// now is the time of the pass.
	now metav1.Time

	// job is the ProwJob, nil until it exists and when it has vanished.
	job *prowv1.ProwJob

	// vanished is set when a ProwJob that was known no longer exists.
	vanished bool

	// failed is set when there cannot be a ProwJob, for good.
	failed bool

	// lost is the name of a ProwJob that no longer exists, or never did.
	lost string

	// unneeded is why there is to be no ProwJob: tear-down came before it.
	unneeded string

	// conditions are those that this pass has concluded. Those that it could not
	// conclude, for an error, stay as they were.
	conditions map[v1.ConditionType]v1.Condition

	// credentials are what the pass has published, zero when it has not.
	credentials credentials

	// foreignSecret is set when the name of the credentials Secret is taken.
	foreignSecret bool

	// done is set when there is nothing left to wait for, so that the finalizer
	// may go.
	done bool

	// happenings are what the pass has to tell besides changes of the status.
	happenings []happening

	// retry asks for another pass after a while, when no event will bring one.
	retry time.Duration
}

func newScope(ec *v1.EphemeralCluster, now time.Time) *scope {
	return &scope{
		ec:         ec,
		old:        *ec.Status.DeepCopy(),
		now:        metav1.NewTime(now),
		conditions: map[v1.ConditionType]v1.Condition{},
	}
}

// set concludes a condition.
func (s *scope) set(t v1.ConditionType, status metav1.ConditionStatus, reason, message string) {
	s.conditions[t] = v1.Condition{
		Type:               t,
		Status:             status,
		ObservedGeneration: s.ec.GetGeneration(),
		Reason:             reason,
		Message:            shorten(message, messageLimit),
	}
}

// tell adds something that the status does not show.
func (s *scope) tell(h happening) {
	s.happenings = append(s.happenings, h)
}

// is reports whether a condition is True, as concluded or else as it was.
func (s *scope) is(t v1.ConditionType) bool {
	if c, ok := s.conditions[t]; ok {
		return c.Status == metav1.ConditionTrue
	}

	return s.old.IsTrue(t)
}

// served reports whether the build cluster of the ProwJob was seen to do its part.
func (s *scope) served() bool {
	c := s.old.GetCondition(v1.ConditionClusterReady)

	return c != nil && !strings.HasPrefix(c.Message, v1.MessageNamespaceNotFound)
}

// fail concludes that there cannot be a ProwJob, for good.
func (s *scope) fail(reason, message string) {
	s.failed = true
	s.set(v1.ConditionProwJobCreating, metav1.ConditionFalse, reason, message)
}

// requeue asks for another pass after a while, the soonest wish winning.
func (s *scope) requeue(after time.Duration) {
	if s.retry == 0 || after < s.retry {
		s.retry = after
	}
}

// settled reports whether the EphemeralCluster had reached the end of its life
// before this pass.
func (s *scope) settled() bool {
	return s.old.Phase == v1.PhaseFailed || s.old.Phase == v1.PhaseDeprovisioned
}

// over reports whether there is nothing left to wait for.
func (s *scope) over() bool {
	return s.failed || s.vanished || s.unneeded != "" || s.job != nil && prowjob.Ended(s.job)
}
