package prowjob

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestWorkflow(t *testing.T) {
	hypershift := func(env map[string]string) func(*v1.EphemeralCluster) {
		return func(ec *v1.EphemeralCluster) {
			ec.Spec.CIOperator.Test.Workflow = "hypershift-hostedcluster-workflow"
			ec.Spec.CIOperator.Test.Env = env
		}
	}
	management := map[string]string{"HOSTED_MANAGEMENT_CLUSTER": "hosted-mgmt2"}

	cases := map[string]struct {
		reason string
		ec     *v1.EphemeralCluster
		want   string
	}{
		"Plain":            {reason: "Most workflows are their own label.", ec: ephemeralCluster(), want: "ipi-aws"},
		"Hypershift":       {reason: "Hypershift's durations depend on the management cluster.", ec: ephemeralCluster(hypershift(management)), want: "hypershift-hostedcluster-workflow_hosted-mgmt2"},
		"HypershiftNoEnv":  {reason: "Without one named there is nothing to add.", ec: ephemeralCluster(hypershift(nil)), want: "hypershift-hostedcluster-workflow"},
		"OtherWithSameEnv": {reason: "The variable means nothing to other workflows.", ec: ephemeralCluster(func(ec *v1.EphemeralCluster) { ec.Spec.CIOperator.Test.Env = management }), want: "ipi-aws"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Workflow(tc.ec); got != tc.want {
				t.Errorf("%s\nWorkflow(...): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

func TestProvisioned(t *testing.T) {
	began := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	job := func(mods ...func(*prowv1.ProwJob)) *prowv1.ProwJob {
		pj := &prowv1.ProwJob{Status: prowv1.ProwJobStatus{StartTime: metav1.NewTime(began)}}
		for _, fn := range mods {
			fn(pj)
		}

		return pj
	}
	ready := func(after time.Duration) func(*prowv1.ProwJob) {
		return func(pj *prowv1.ProwJob) {
			MarkReady(pj, "ipi-aws", began.Add(after).In(time.FixedZone("elsewhere", 7200)))
		}
	}

	type want struct {
		Marked   bool
		Workflow string
		Took     time.Duration
		OK       bool
	}

	cases := map[string]struct {
		reason string
		pj     *prowv1.ProwJob
		want   want
	}{
		"Ready": {
			reason: "A ProwJob says how long its cluster took, wherever the time was taken.",
			pj:     job(ready(38 * time.Minute)),
			want:   want{Marked: true, Workflow: "ipi-aws", Took: 38 * time.Minute, OK: true},
		},
		"NotReady": {
			reason: "A ProwJob whose cluster is not ready says nothing.",
			pj:     job(),
		},
		"Nonsense": {
			reason: "What somebody else has written is not counted.",
			pj:     job(func(pj *prowv1.ProwJob) { pj.SetAnnotations(map[string]string{AnnotationReadyAt: "soon"}) }),
			want:   want{Marked: true},
		},
		"BeforeItBegan": {
			reason: "Nothing is ready before it began.",
			pj:     job(ready(-time.Minute)),
			want:   want{Marked: true, Workflow: "ipi-aws", Took: -time.Minute},
		},
		"NoStart": {
			reason: "A time without a beginning is no duration.",
			pj:     job(ready(time.Minute), func(pj *prowv1.ProwJob) { pj.Status.StartTime = metav1.Time{} }),
			want:   want{Marked: true},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := want{Marked: MarkedReady(tc.pj)}
			got.Workflow, got.Took, got.OK = Provisioned(tc.pj)

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nProvisioned(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
