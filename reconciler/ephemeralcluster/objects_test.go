package ephemeralcluster

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

func newCluster(mods ...func(*v1.EphemeralCluster)) *v1.EphemeralCluster {
	ec := &v1.EphemeralCluster{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:         testKey.Namespace,
			Name:              testKey.Name,
			UID:               testUID,
			Generation:        1,
			CreationTimestamp: metav1.NewTime(testTime.Add(-time.Minute)),
			Annotations: map[string]string{
				v1.AnnotationKonfluxTenant:  "team-a",
				v1.AnnotationKonfluxCluster: "stone-prd-rh01",
			},
		},
		Spec: v1.EphemeralClusterSpec{CIOperator: v1.CIOperatorSpec{
			Releases: map[string]v1.Release{"latest": {Candidate: &v1.Candidate{Product: "ocp", Stream: "nightly", Version: "4.20"}}},
			Test:     v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"},
		}},
	}
	for _, fn := range mods {
		fn(ec)
	}

	return ec
}

func newJob(mods ...func(*prowv1.ProwJob)) *prowv1.ProwJob {
	pj := &prowv1.ProwJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: jobName, Labels: map[string]string{v1.LabelEphemeralCluster: testName}},
		Spec:       prowv1.ProwJobSpec{Cluster: "build01"},
		Status:     prowv1.ProwJobStatus{State: prowv1.SchedulingState, StartTime: metav1.NewTime(testTime)},
	}
	for _, fn := range mods {
		fn(pj)
	}

	return pj
}

func claim(ec *v1.EphemeralCluster) {
	ec.Spec.CIOperator.Test = v1.Test{ClusterClaim: &v1.ClusterClaim{Cloud: "aws", Owner: "o", Version: "4.20"}}
}

func tearDown(ec *v1.EphemeralCluster) { ec.Spec.TearDownCluster = true }

func finalizer(ec *v1.EphemeralCluster) { ec.SetFinalizers([]string{v1.Finalizer}) }

// deleting also keeps the object: the fake refuses one that nothing holds.
func deleting(ec *v1.EphemeralCluster) {
	now := metav1.NewTime(testTime)
	ec.SetDeletionTimestamp(&now)
	ec.SetFinalizers(append(ec.GetFinalizers(), "example.com/hold"))
}

func status(st v1.EphemeralClusterStatus) func(*v1.EphemeralCluster) {
	return func(ec *v1.EphemeralCluster) { ec.Status = st }
}

func named(name string) func(*prowv1.ProwJob) {
	return func(pj *prowv1.ProwJob) { pj.SetName(name) }
}

func uid(u string) func(*prowv1.ProwJob) {
	return func(pj *prowv1.ProwJob) {
		pj.SetAnnotations(map[string]string{prowjob.AnnotationNamespace: testKey.Namespace, prowjob.AnnotationUID: u})
	}
}

func on(cluster string) func(*prowv1.ProwJob) {
	return func(pj *prowv1.ProwJob) { pj.Spec.Cluster = cluster }
}

func state(s prowv1.ProwJobState) func(*prowv1.ProwJob) {
	return func(pj *prowv1.ProwJob) {
		pj.Status.State = s

		switch s {
		case prowv1.SuccessState, prowv1.FailureState, prowv1.ErrorState, prowv1.AbortedState:
			pj.Status.CompletionTime = &metav1.Time{Time: testTime}
		case prowv1.SchedulingState, prowv1.TriggeredState, prowv1.PendingState:
		}
	}
}

// readyAfter makes a ProwJob say that its cluster was ready a while after its start.
func readyAfter(workflow string, d time.Duration) func(*prowv1.ProwJob) {
	return func(pj *prowv1.ProwJob) { prowjob.MarkReady(pj, workflow, testTime.Add(d)) }
}

func url(u string) func(*prowv1.ProwJob) {
	return func(pj *prowv1.ProwJob) { pj.Status.URL = u }
}

// cond is a condition whose time is not compared.
func cond(t v1.ConditionType, s metav1.ConditionStatus, reason, message string) v1.Condition {
	return v1.Condition{Type: t, Status: s, ObservedGeneration: 1, Reason: reason, Message: message}
}

var (
	creating = cond(v1.ConditionProwJobCreating, metav1.ConditionTrue, "", "")
	created  = cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonProwJobCreated, "")
	ready    = cond(v1.ConditionClusterReady, metav1.ConditionTrue, "", "")
	told     = cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "")
	noNS     = cond(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, v1.MessageNamespaceNotFound)
)

// running is the status of an EphemeralCluster whose ProwJob runs.
func running(conditions ...v1.Condition) v1.EphemeralClusterStatus {
	st := v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: append([]v1.Condition{created}, conditions...)}
	if st.IsTrue(v1.ConditionClusterReady) {
		st.Phase, st.SecretRef = v1.PhaseReady, testName+"-credentials"
	}

	if st.IsTrue(v1.ConditionTestCompleted) {
		st.Phase = v1.PhaseDeprovisioning
	}

	return st
}
