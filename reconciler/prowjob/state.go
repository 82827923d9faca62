package prowjob

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
)

// Ended reports whether a ProwJob is over. An aborted one is over only once Prow
// says when: until then its pod may be running.
func Ended(pj *prowv1.ProwJob) bool {
	switch pj.Status.State {
	case prowv1.SuccessState, prowv1.FailureState, prowv1.ErrorState:
		return true
	case prowv1.SchedulingState, prowv1.TriggeredState, prowv1.PendingState, prowv1.AbortedState:
		return pj.Complete()
	}

	return pj.Complete()
}

// Succeeded reports whether a ProwJob is over and went well.
func Succeeded(pj *prowv1.ProwJob) bool {
	return pj.Status.State == prowv1.SuccessState
}

// Scheduled reports whether a ProwJob's build cluster is settled.
func Scheduled(pj *prowv1.ProwJob) bool {
	return pj.Status.State != prowv1.SchedulingState
}

// Abort marks a ProwJob aborted. Prow deletes the pod of an aborted ProwJob and
// then sets the completion time. It does neither when the time is already set, so
// it must be set here only when there is no pod that Prow could delete.
func Abort(pj *prowv1.ProwJob, description string, now metav1.Time, podless bool) {
	pj.Status.State = prowv1.AbortedState
	pj.Status.Description = description

	if podless {
		pj.Status.CompletionTime = &now
	}
}
