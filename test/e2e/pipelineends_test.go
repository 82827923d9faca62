//go:build linux && e2e

package e2e

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/tekton"
)

// failTest makes the test of a pipeline fail, once it has the kubeconfig.
func failTest(pr *pipelinev1.PipelineRun) {
	step := &pr.Spec.PipelineSpec.Tasks[1].TaskSpec.Steps[0]
	step.Script += "exit 7\n"
}

// slowEnv makes the stand-in for ci-operator take longer than tasks wait for it. It looks
// for the signal to tear down after that.
const slowEnv = `{"STANDIN_PROVISION_DELAY": "30s"}`

// However a pipeline ends, its cluster does.
func TestPipelineEnds(t *testing.T) {
	t.Parallel()

	r := newTekton(t)

	t.Run("TestFails", func(t *testing.T) {
		beside(t)

		pr := readPipeline(t, "install")
		pr.SetNamespace(pipelineTenant)
		failTest(pr)

		p := runPipeline(t, r, pr)
		p.ends(pipelinev1.PipelineRunReasonFailed)
		p.taskEnds(taskTest, pipelinev1.TaskRunReasonFailed)
		p.taskEnds(taskDeprovision, pipelinev1.TaskRunReasonSuccessful)
		p.destroyed()
		p.remove()
	})

	t.Run("TearDownFails", func(t *testing.T) {
		beside(t)

		reason := "A tear-down that fails is no success, and the task says why."

		p := startPipeline(t, r, "install", map[string]string{"env": `{"STANDIN_FAIL": "deprovision"}`})
		p.ends(pipelinev1.PipelineRunReasonFailed)
		p.taskEnds(taskTest, pipelinev1.TaskRunReasonSuccessful)
		p.taskEnds(taskDeprovision, pipelinev1.TaskRunReasonFailed)

		if log := p.Log(taskDeprovision); !strings.Contains(log, "failed: ProwJobFailure: prowjob state: failure") {
			t.Errorf("\n%s\n%s", reason, log)
		}

		p.remove()
	})

	t.Run("ProvisionFails", func(t *testing.T) {
		beside(t)

		p := startPipeline(t, r, "install", map[string]string{"env": `{"STANDIN_FAIL": "provision"}`})
		p.ends(pipelinev1.PipelineRunReasonFailed)
		p.notReady("failed: ProwJobFailure: prowjob state: failure")
		p.remove()
	})

	t.Run("Denied", func(t *testing.T) {
		beside(t)

		p := startPipeline(t, r, "install", map[string]string{"clusterProfile": "gcp"})
		p.ends(pipelinev1.PipelineRunReasonFailed)
		p.notReady("failed: EphemeralClusterValidationFailure: ")
		p.remove()
	})

	t.Run("TimesOut", func(t *testing.T) {
		beside(t)

		reason := "A task that has waited for too long says for what, with an exit code of its own, and gives the cluster back."

		p := startPipeline(t, r, "install", map[string]string{"env": slowEnv, "timeout": "15s"})
		p.ends(pipelinev1.PipelineRunReasonFailed)
		p.notReady("timed out after 15s, waiting for ")

		if tr := p.TaskRun(taskProvision); !strings.Contains(tr.Status.Conditions[0].Message, "exited with code 3") {
			t.Errorf("\n%s\n%v", reason, tr.Status.Conditions)
		}

		p.claim("that the cluster is given back", tearDown)
		p.destroyed()
		p.remove()
	})

	t.Run("TektonTimesOut", func(t *testing.T) {
		beside(t)

		pr := readPipeline(t, "install")
		pr.SetNamespace(pipelineTenant)
		setParam(&pr.Spec.PipelineSpec.Tasks[0], "env", slowEnv)
		pr.Spec.PipelineSpec.Tasks[0].Timeout = &metav1.Duration{Duration: 15 * time.Second}

		p := runPipeline(t, r, pr)
		p.ends(pipelinev1.PipelineRunReasonFailed)
		p.taskEnds(taskProvision, pipelinev1.TaskRunReasonTimedOut)
		p.claim("that the cluster is given back", tearDown)
		p.destroyed()
		p.remove()
	})

	t.Run("CancelledGracefully", func(t *testing.T) {
		beside(t)

		p := startPipeline(t, r, "install", nil, taskTest)
		p.taskEnds(taskProvision, pipelinev1.TaskRunReasonSuccessful)
		p.set(pipelinev1.PipelineRunSpecStatusCancelledRunFinally)
		p.ends(pipelinev1.PipelineRunReasonCancelled)
		p.taskEnds(taskDeprovision, pipelinev1.TaskRunReasonSuccessful)
		p.destroyed()
		p.remove()
	})

	// While the cluster is provisioned, the task that waits for it gives it back either way.
	for name, status := range map[string]pipelinev1.PipelineRunSpecStatus{
		"CancelledGracefullyEarly": pipelinev1.PipelineRunSpecStatusCancelledRunFinally,
		"CancelledEarly":           pipelinev1.PipelineRunSpecStatusCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)

			p := startPipeline(t, r, "install", map[string]string{"env": slowEnv})
			p.provisioning()
			p.set(status)
			p.ends(pipelinev1.PipelineRunReasonCancelled)
			p.notReady("interrupted")
			p.claim("that the cluster is given back", tearDown)
			p.destroyed()
			p.remove()
		})
	}

	t.Run("Deleted", func(t *testing.T) {
		beside(t)

		p := startPipeline(t, r, "install", nil, taskTest)
		p.taskEnds(taskProvision, pipelinev1.TaskRunReasonSuccessful)
		p.remove()

		if _, err := p.Await(p.ctx); !errors.Is(err, tekton.ErrDeleted) {
			t.Errorf("want the pipeline to end for its deletion, got %v", err)
		}

		p.destroyed()
	})
}

// notReady makes sure of what the task provision leaves when there is no cluster.
func (p *pipeline) notReady(why string) {
	p.t.Helper()

	if log := p.Log(taskProvision); !strings.Contains(log, why) {
		p.t.Errorf("the task does not say %q:\n%s", why, log)
	}

	if results := p.TaskRun(taskProvision).Status.Results; len(results) > 0 {
		p.t.Errorf("want no results, got %v", results)
	}

	for _, name := range []string{taskTest, taskDeprovision} {
		if p.TaskRun(name) != nil {
			p.t.Errorf("task %s was started", name)
		}
	}
}

// TestPipelineCancelled cancels a pipeline for good: nothing runs any more that could give
// the cluster back. Other clusters would not survive it.
func TestPipelineCancelled(t *testing.T) {
	alone(t)

	reason := "A cluster that nobody gives back ends when it has reached its maximum lifetime."

	r := newTekton(t)

	p := startPipeline(t, r, "install", nil, taskTest)
	p.taskEnds(taskProvision, pipelinev1.TaskRunReasonSuccessful)
	p.set(pipelinev1.PipelineRunSpecStatusCancelled)
	p.ends(pipelinev1.PipelineRunReasonCancelled)

	if p.TaskRun(taskDeprovision) != nil {
		t.Errorf("\n%s\nfinally has run", reason)
	}

	if tearDown(p.claim("anything", func(*unstructured.Unstructured) bool { return true })) {
		t.Fatalf("\n%s\nthe cluster was given back", reason)
	}

	const mortal = "reconciler-mortal"

	replaceReconciler(t, mortal, "--max-lifetime=1s")
	pj := p.destroyed()

	if lines(t, mortal, "the cluster has reached its maximum lifetime of 1s") == 0 {
		t.Errorf("\n%s\nthe reconciler does not say so of ProwJob %s", reason, pj.GetName())
	}

	p.remove()
}

// replaceReconciler runs the reconciler with other flags until the test ends.
func replaceReconciler(t *testing.T, name string, flags ...string) {
	t.Helper()

	t.Cleanup(func() {
		if err := shared.ReplaceReconciler(interrupted, stack.ComponentReconciler, shared.ReconcilerArgs...); err != nil {
			t.Errorf("cannot run the reconciler as before: %v", err)
		}
	})

	if err := shared.ReplaceReconciler(t.Context(), name, append(slices.Clone(shared.ReconcilerArgs), flags...)...); err != nil {
		t.Fatal(err)
	}
}

func TestPipelineRestart(t *testing.T) {
	alone(t)

	reason := "A restart of the Konflux cluster's API server, while a cluster is provisioned and while it is destroyed, is no end of either."

	r := newTekton(t)

	// restart does so while a task waits.
	restart := func(p *pipeline, name string) {
		if err := shared.Konflux.StopAPIServer(); err != nil {
			t.Fatal(err)
		}

		if tr := p.TaskRun(name); tr == nil || tr.IsDone() {
			t.Errorf("\n%s\ntask %s does not wait, so this test shows nothing", reason, name)
		}

		if err := shared.Konflux.StartAPIServer(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	p := startPipeline(t, r, "install", map[string]string{"env": `{"STANDIN_PROVISION_DELAY": "15s", "STANDIN_DEPROVISION_DELAY": "15s"}`})
	p.provisioning()
	restart(p, taskProvision)
	p.claim("that the cluster is given back", tearDown)
	restart(p, taskDeprovision)
	p.ends(pipelinev1.PipelineRunReasonSuccessful)

	// Not even what Crossplane says of the restart is taken for a link.
	if n := strings.Count(p.Log(taskProvision), "ProwJob: "); n != strings.Count(p.Log(taskProvision), "ProwJob: https://") {
		t.Errorf("\n%s\na ProwJob's URL is none:\n%s", reason, p.Log(taskProvision))
	}

	p.destroyed()
	p.remove()
}

// What is malformed is told in one line that names it, and nothing is created.
func TestMalformedParameters(t *testing.T) {
	t.Parallel()

	r := newTekton(t)

	var (
		mu    sync.Mutex
		names []string
	)

	// A run's claim would be called after it.
	run := func(p *pipeline) *pipeline {
		mu.Lock()
		defer mu.Unlock()

		names = append(names, p.PipelineRun().GetName())

		return p
	}

	cases := map[string]struct {
		params map[string]string
		want   string
	}{
		"ownerKind":      {map[string]string{"ownerKind": "Pod"}, `--owner: must be a PipelineRun or a TaskRun, not a "Pod"`},
		"ownerName":      {map[string]string{"ownerName": ""}, "--owner: must be KIND/NAME/UID, such as PipelineRun/my-run/7c1d9e2b-5f80-4a6e-9b3d-2e1f0a9c8b7d"},
		"ownerUid":       {map[string]string{"ownerUid": ""}, "--owner: must be KIND/NAME/UID, such as PipelineRun/my-run/7c1d9e2b-5f80-4a6e-9b3d-2e1f0a9c8b7d"},
		"workflow":       {map[string]string{"workflow": ""}, "--workflow: is required"},
		"clusterProfile": {map[string]string{"clusterProfile": ""}, "--cluster-profile, --cluster-claim: one of them must be set, and neither is"},
		"clusterClaim": {
			map[string]string{"clusterProfile": "", "clusterClaim": `{"cloud": "aws", "owner": "o"}`},
			"--cluster-claim: version: is required",
		},
		"both": {
			map[string]string{"clusterClaim": `{"cloud": "aws", "owner": "o", "version": "4.20"}`},
			"--cluster-profile, --cluster-claim: one of them must be set, not both",
		},
		"releases":       {map[string]string{"releases": `{"latest": {"relase": {}}}`}, `--releases: latest.relase: unknown field, did you mean "release"?`},
		"env":            {map[string]string{"env": `{"REPLICAS": 2}`}, "--env: REPLICAS: must be a string, not an integer; put it in quotes"},
		"buildRoot":      {map[string]string{"buildRoot": `{"from_repository": "yes"}`}, "--build-root: from_repository: must be a boolean, not a string"},
		"baseImages":     {map[string]string{"baseImages": `{"cli": {"name": "4.20", "namespace": "ocp"}}`}, "--base-images: cli.tag: is required"},
		"externalImages": {map[string]string{"externalImages": "[]"}, "--external-images: must be an object, not an array"},
		"resources":      {map[string]string{"resources": `{"*": {"limits": {"cpu": 1}}}`}, "--resources: *.limits.cpu: must be a string, not an integer; put it in quotes"},
		"timeout":        {map[string]string{"timeout": "soon"}, `--timeout: must be a duration, such as 2h, 90m, or 7200 for seconds, not "soon"`},
	}

	t.Run("Provision", func(t *testing.T) {
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				beside(t)

				p := run(startPipeline(t, r, "install", tc.params))
				p.ends(pipelinev1.PipelineRunReasonFailed)

				if diff := cmp.Diff("tpc: "+tc.want+"\n", p.Log(taskProvision)); diff != "" {
					t.Errorf("What the task says: -want, +got:\n%s", diff)
				}

				if tr := p.TaskRun(taskProvision); !strings.Contains(tr.Status.Conditions[0].Message, "exited with code 2") {
					t.Errorf("the task ended with %v", tr.Status.Conditions)
				}
			})
		}
	})

	t.Run("Others", func(t *testing.T) {
		for name, tc := range malformedOthers() {
			t.Run(name, func(t *testing.T) {
				beside(t)

				pr := readPipeline(t, "install")
				pr.SetNamespace(pipelineTenant)

				pt := pipelinev1.PipelineTask{Name: taskTest, TaskRef: &pipelinev1.TaskRef{Name: tc.task}}
				for name, value := range tc.params {
					setParam(&pt, name, value)
				}

				pr.Spec.PipelineSpec.Tasks, pr.Spec.PipelineSpec.Finally = []pipelinev1.PipelineTask{pt}, nil

				p := run(runPipeline(t, r, pr))
				p.ends(pipelinev1.PipelineRunReasonFailed)

				if diff := cmp.Diff("tpc: "+tc.want+"\n", p.Log(taskTest)); diff != "" {
					t.Errorf("What the task says: -want, +got:\n%s", diff)
				}
			})
		}
	})

	claims := &unstructured.UnstructuredList{}
	claims.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind + "List"})

	if err := shared.Konflux.List(t.Context(), claims); err != nil {
		t.Fatal(err)
	}

	for _, c := range claims.Items {
		if slices.ContainsFunc(names, func(run string) bool { return strings.HasPrefix(c.GetName(), run+"-") }) {
			t.Errorf("claim %s was created", c.GetName())
		}
	}
}

// malformedOthers are malformed parameters of the tasks that need a cluster.
func malformedOthers() map[string]struct {
	task   string
	params map[string]string
	want   string
} {
	const noName = ` is not a name: it must have lower case letters, digits, "-" and "." only, and begin and end with a letter or digit`

	deprovision := func(name, namespace, timeout string) map[string]string {
		return map[string]string{"testPlatformClusterClaimName": name, "testPlatformClusterClaimNamespace": namespace, "timeout": timeout}
	}
	secrets := func(secret, namespace, selector string) map[string]string {
		return map[string]string{"clusterCredentialsSecretRef": secret, "namespace": namespace, "labelSelector": selector}
	}

	const deprovisionTask, copyTask = "deprovision-ephemeral-cluster", "copy-secrets-to-ephemeral-cluster"

	return map[string]struct {
		task   string
		params map[string]string
		want   string
	}{
		"testPlatformClusterClaimName":      {deprovisionTask, deprovision("--help", pipelineTenant, "1m"), `NAME: "--help"` + noName},
		"testPlatformClusterClaimNamespace": {deprovisionTask, deprovision("demo", "a/b", "1m"), `--namespace: "a/b"` + noName},
		"deprovisionTimeout":                {deprovisionTask, deprovision("demo", pipelineTenant, "0s"), "--timeout: must be positive"},
		"clusterCredentialsSecretRef":       {copyTask, secrets("a b", "default", "a=b"), `--credentials-secret: "a b"` + noName},
		"namespace":                         {copyTask, secrets("demo", "", "a=b"), "--target-namespace: is required"},
		"labelSelector":                     {copyTask, secrets("demo", "default", ""), "--label-selector: is required"},
	}
}
