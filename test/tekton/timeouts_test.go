//go:build linux

package tekton

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// What gives a cluster back runs in finally, if anything does when there is no more time.
func TestTimeouts(t *testing.T) {
	const soon, late = 500 * time.Millisecond, time.Minute

	type ending struct {
		Reason  string
		Finally bool
	}

	cases := map[string]struct {
		reason   string
		timeouts pipelinev1.TimeoutFields
		task     *metav1.Duration
		want     ending
	}{
		"Pipeline": {
			reason:   "When the time of all is over, nothing runs any more.",
			timeouts: pipelinev1.TimeoutFields{Pipeline: &metav1.Duration{Duration: soon}},
			want:     ending{Reason: pipelinev1.PipelineRunReasonTimedOut.String()},
		},
		"Tasks": {
			reason:   "It is the same, in this version, with that of tasks,",
			timeouts: pipelinev1.TimeoutFields{Pipeline: &metav1.Duration{Duration: late}, Tasks: &metav1.Duration{Duration: soon}},
			want:     ending{Reason: pipelinev1.PipelineRunReasonTimedOut.String()},
		},
		"Finally": {
			reason:   "or what finally leaves of it.",
			timeouts: pipelinev1.TimeoutFields{Pipeline: &metav1.Duration{Duration: late}, Finally: &metav1.Duration{Duration: late - soon}},
			want:     ending{Reason: pipelinev1.PipelineRunReasonTimedOut.String()},
		},
		"Task": {
			reason:   "A task that runs into its own fails like any other.",
			timeouts: pipelinev1.TimeoutFields{Pipeline: &metav1.Duration{Duration: late}},
			task:     &metav1.Duration{Duration: soon},
			want:     ending{Reason: pipelinev1.PipelineRunReasonFailed.String(), Finally: true},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := New(Options{Config: &rest.Config{Host: "127.0.0.1:1"}, Images: map[string]Image{"image": {}}})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Stop()

			r.client = fake.NewClientBuilder().WithScheme(r.client.Scheme()).
				WithStatusSubresource(&pipelinev1.PipelineRun{}, &pipelinev1.TaskRun{}).Build()

			ctx, cancel := context.WithTimeout(t.Context(), late)
			defer cancel()

			task := func(name string, command ...string) pipelinev1.PipelineTask {
				return pipelinev1.PipelineTask{Name: name, TaskSpec: &pipelinev1.EmbeddedTask{TaskSpec: pipelinev1.TaskSpec{
					Steps: []pipelinev1.Step{{Name: "step", Image: "image", Command: command}},
				}}}
			}

			test := task("test", "/bin/sleep", "60")
			test.Timeout = tc.task

			run, err := r.Start(ctx, &pipelinev1.PipelineRun{
				ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: "run"},
				Spec: pipelinev1.PipelineRunSpec{
					PipelineSpec: &pipelinev1.PipelineSpec{
						Tasks:   []pipelinev1.PipelineTask{test},
						Finally: []pipelinev1.PipelineTask{task("deprovision", "/bin/true")},
					},
					Timeouts: &tc.timeouts,
				},
			})
			if err != nil {
				t.Fatal(err)
			}

			pr, err := run.Await(ctx)
			if err != nil {
				t.Fatal(err)
			}

			tr := run.TaskRun("deprovision")
			got := ending{Reason: pr.Status.GetCondition(apis.ConditionSucceeded).GetReason(), Finally: tr != nil && tr.IsSuccessful()}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nending: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
