//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/tekton"
)

// Tasks of the example pipelines.
const (
	taskProvision   = "provision"
	taskTest        = "test"
	taskDeprovision = "deprovision"
)

// pipelineTenant is among the owners of the cluster profile.
const pipelineTenant = "tenant-a"

// aWhile is how long a pipeline may take, in which control planes start and stop, and
// watches that were cut off by that begin anew.
const aWhile = 10 * time.Minute

// installTekton makes what runs pipelines of the tenant on the shared stack, once.
var installTekton = sync.OnceValues(func() (*tekton.Runner, error) {
	r, err := tekton.Install(interrupted, shared, pipelineTenant, io.Discard)
	if err == nil {
		stopTekton = r.Stop
	}

	return r, err
})

// stopTekton ends that, if there is one, after all tests.
var stopTekton = func() {}

// newTekton returns what runs pipelines of the tenant.
func newTekton(t *testing.T) *tekton.Runner {
	t.Helper()

	r, err := installTekton()
	if err != nil {
		t.Fatal(err)
	}

	return r
}

// A pipeline is an example's that runs.
type pipeline struct {
	*tekton.Run

	ctx context.Context //nolint:containedctx // It is that of a test, which a pipeline is only known to.
	t   *testing.T
}

// startPipeline starts an example, with other parameters of its task provision, and
// with tasks that do not start before they are released.
func startPipeline(t *testing.T, r *tekton.Runner, example string, params map[string]string, held ...string) *pipeline {
	t.Helper()

	pr := readPipeline(t, example)
	pr.SetNamespace(pipelineTenant)

	provision := &pr.Spec.PipelineSpec.Tasks[0]
	for name, value := range params {
		setParam(provision, name, value)
	}

	return runPipeline(t, r, pr, held...)
}

func runPipeline(t *testing.T, r *tekton.Runner, pr *pipelinev1.PipelineRun, held ...string) *pipeline {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), aWhile)

	run, err := r.Start(ctx, pr, held...)
	if err != nil {
		t.Fatal(err)
	}

	p := &pipeline{Run: run, ctx: ctx, t: t}

	t.Cleanup(func() {
		defer cancel()

		if t.Failed() {
			t.Log(run.Logs())
		}
	})

	return p
}

func readPipeline(t *testing.T, example string) *pipelinev1.PipelineRun {
	t.Helper()

	pr := &pipelinev1.PipelineRun{}
	if err := tekton.ReadFile(t.Context(), filepath.Join(shared.Root(), "examples", "pipelines", example+".yaml"), pr); err != nil {
		t.Fatal(err)
	}

	return pr
}

func setParam(pt *pipelinev1.PipelineTask, name, value string) {
	for i := range pt.Params {
		if pt.Params[i].Name == name {
			pt.Params[i].Value = *pipelinev1.NewStructuredValues(value)

			return
		}
	}

	pt.Params = append(pt.Params, pipelinev1.Param{Name: name, Value: *pipelinev1.NewStructuredValues(value)})
}

// ends waits for the end of a pipeline, and wants Tekton to call it so.
func (p *pipeline) ends(want pipelinev1.PipelineRunReason) *pipelinev1.PipelineRun {
	p.t.Helper()

	pr, err := p.Await(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}

	if c := pr.Status.GetCondition(apis.ConditionSucceeded); c.GetReason() != string(want) {
		p.t.Fatalf("PipelineRun: want %s, got %s: %s", want, c.GetReason(), c.GetMessage())
	}

	return pr
}

// taskEnds waits for the end of a task, and wants Tekton to call it so.
func (p *pipeline) taskEnds(name string, want pipelinev1.TaskRunReason) *pipelinev1.TaskRun {
	p.t.Helper()

	tr, err := p.AwaitTask(p.ctx, name)
	if err != nil {
		p.t.Fatal(err)
	}

	if c := tr.Status.GetCondition(apis.ConditionSucceeded); c.GetReason() != string(want) {
		p.t.Fatalf("task %s: want %s, got %s: %s\n%s", name, want, c.GetReason(), c.GetMessage(), p.Log(name))
	}

	return tr
}

// set changes the PipelineRun's spec.status, as whoever cancels it does.
func (p *pipeline) set(status pipelinev1.PipelineRunSpecStatus) {
	p.t.Helper()

	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec": {"status": "`+string(status)+`"}}`))
	if err := shared.Konflux.Patch(p.ctx, p.object(), patch); err != nil {
		p.t.Fatal(err)
	}
}

// object is the PipelineRun for clients that do not know the kind.
func (p *pipeline) object() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(pipelinev1.SchemeGroupVersion.WithKind("PipelineRun"))
	u.SetNamespace(p.PipelineRun().GetNamespace())
	u.SetName(p.PipelineRun().GetName())

	return u
}

// claim waits for the claim of the pipeline to match.
func (p *pipeline) claim(what string, match func(u *unstructured.Unstructured) bool) *unstructured.Unstructured {
	p.t.Helper()

	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind + "List"})

	o, err := shared.Konflux.Await(p.ctx, list, func(o client.Object) bool {
		u, ok := o.(*unstructured.Unstructured)

		return ok && u.GetName() == p.PipelineRun().GetName()+"-"+taskProvision && match(u)
	}, client.InNamespace(pipelineTenant))
	if err != nil {
		p.t.Fatalf("the claim does not say %s: %v\n%s", what, err, p.Logs())
	}

	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		p.t.Fatalf("a claim is a %T", o)
	}

	return u
}

// provisioning waits until the pipeline's cluster is being provisioned.
func (p *pipeline) provisioning() {
	p.t.Helper()

	p.claim("that the cluster is being provisioned", func(u *unstructured.Unstructured) bool {
		message, _ := condition(u, string(apiv1.ConditionClusterReady))["message"].(string)

		return strings.HasPrefix(message, "kubeconfig not ready")
	})
}

// destroyed waits until the ProwJob of the pipeline's cluster has ended well, which it
// does when the cluster is destroyed.
func (p *pipeline) destroyed() *prowv1.ProwJob {
	p.t.Helper()

	o, err := shared.AppCI.Await(p.ctx, &prowv1.ProwJobList{}, func(o client.Object) bool {
		pj, ok := o.(*prowv1.ProwJob)

		return ok && pj.Spec.Job == "ephemeralcluster-ci-"+p.PipelineRun().GetName() && pj.Complete()
	})
	if err != nil {
		p.t.Fatalf("the cluster is not destroyed: %v", err)
	}

	pj, ok := o.(*prowv1.ProwJob)
	if !ok {
		p.t.Fatalf("a ProwJob is a %T", o)
	}

	if pj.Status.State != prowv1.SuccessState {
		p.t.Errorf("the ProwJob ended as %s: %s", pj.Status.State, pj.Status.Description)
	}

	return pj
}

// remove deletes the PipelineRun, and waits until nothing that it owned is left.
func (p *pipeline) remove() {
	p.t.Helper()

	if err := shared.Konflux.Delete(p.ctx, p.object()); err != nil {
		p.t.Fatal(err)
	}

	claim := &unstructured.Unstructured{}
	claim.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind})
	claim.SetNamespace(pipelineTenant)
	claim.SetName(p.PipelineRun().GetName() + "-" + taskProvision)

	secret := &corev1.Secret{}
	secret.SetNamespace(pipelineTenant)
	secret.SetName(claim.GetName() + "-secret")

	for _, o := range []client.Object{claim, secret} {
		if err := shared.Konflux.AwaitGone(p.ctx, o); err != nil {
			p.t.Fatal(err)
		}
	}
}

// tearDown is whether a claim asks for its cluster's end.
func tearDown(u *unstructured.Unstructured) bool {
	asked, _, _ := unstructured.NestedBool(u.Object, "spec", "tearDownCluster")

	return asked
}

func TestPipelines(t *testing.T) {
	t.Parallel()

	r := newTekton(t)

	for _, example := range []string{"install", "hypershift", "hive"} {
		t.Run(example, func(t *testing.T) {
			parallel(t, lives)

			reason := "The pipeline has a working kubeconfig in its test, and its cluster is destroyed when it ends."

			p := startPipeline(t, r, example, nil)
			p.ends(pipelinev1.PipelineRunReasonSuccessful)

			if !strings.Contains(p.Log(taskTest), "kube-system") {
				t.Errorf("\n%s\nthe test has not reached the cluster:\n%s", reason, p.Log(taskTest))
			}

			if n := strings.Count(p.Log(taskProvision), "ProwJob: https://"); n != 1 {
				t.Errorf("\n%s\nwant the ProwJob's URL once, got it %d times:\n%s", reason, n, p.Log(taskProvision))
			}

			name := p.PipelineRun().GetName() + "-" + taskProvision
			checkResults(t, p.TaskRun(taskProvision), name)

			u := p.claim("that the ProwJob has completed", func(u *unstructured.Unstructured) bool {
				return condition(u, string(apiv1.ConditionProwJobCompleted))["status"] == "True"
			})

			if got := u.GetAnnotations(); got[apiv1.AnnotationPipelineRunName] != p.PipelineRun().GetName() || got[apiv1.AnnotationTaskRunName] != name {
				t.Errorf("the claim has annotations %v", got)
			}

			p.destroyed()
			p.remove()
		})
	}
}

func checkResults(t *testing.T, tr *pipelinev1.TaskRun, name string) {
	t.Helper()

	want := map[string]string{
		"secretRef":                         name + "-secret",
		"testPlatformClusterClaimName":      name,
		"testPlatformClusterClaimNamespace": pipelineTenant,
	}

	for _, r := range tr.Status.Results {
		if r.Value.StringVal != want[r.Name] {
			t.Errorf("result %s: want %q, got %q", r.Name, want[r.Name], r.Value.StringVal)
		}

		delete(want, r.Name)
	}

	if len(want) > 0 {
		t.Errorf("there are no results %v", want)
	}
}
