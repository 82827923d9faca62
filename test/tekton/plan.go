//go:build linux

package tekton

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/reconciler/pipeline/dag"
	"github.com/tektoncd/pipeline/pkg/reconciler/pipelinerun/resources"
	"github.com/tektoncd/pipeline/pkg/reconciler/taskrun"
	"github.com/tektoncd/pipeline/pkg/trustedresources"
	"go.uber.org/zap"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"knative.dev/pkg/kmeta"
	"sigs.k8s.io/yaml"
)

// paramURL is the parameter of the resolver http that says where a Task is: in a release,
// whose files have the names of their tasks.
const paramURL = "url"

// A plan is what does not change while a PipelineRun runs.
type plan struct {
	tasks   []pipelinev1.PipelineTask
	graph   *dag.Graph
	finally *dag.Graph
	logger  *zap.SugaredLogger
}

// plan does what Tekton does before anything runs.
func (run *Run) plan(ctx context.Context) (*plan, error) {
	pr := run.pr
	pr.Status.StartTime = now()

	spec := pr.Spec.PipelineSpec.DeepCopy()
	spec.SetDefaults(ctx)

	if err := spec.Validate(ctx); err != nil {
		return nil, errors.Wrap(err, "the pipeline is not valid")
	}

	for _, err := range []error{
		resources.ValidateRequiredParametersProvided(&spec.Params, &pr.Spec.Params),
		resources.ValidateParamTypesMatching(spec, pr),
		resources.ValidateObjectParamRequiredKeys(spec.Params, pr.Spec.Params),
		resources.ValidateParamArrayIndex(spec, pr.Spec.Params),
		resources.ValidateWorkspaceBindings(spec, pr),
		resources.ValidateTaskRunSpecs(spec, pr),
	} {
		if err != nil {
			return nil, errors.Wrap(err, "the PipelineRun does not fit the pipeline")
		}
	}

	resources.ApplyParametersToWorkspaceBindings(ctx, pr)

	spec = resources.ApplyParameters(ctx, spec, pr)
	spec = resources.ApplyContexts(spec, pr.GetName(), pr)
	spec = resources.ApplyWorkspaces(spec, pr)

	p := &plan{tasks: append(append([]pipelinev1.PipelineTask{}, spec.Tasks...), spec.Finally...), logger: zap.NewNop().Sugar()}

	var err error

	list := pipelinev1.PipelineTaskList(spec.Tasks)
	if p.graph, err = dag.Build(list, list.Deps()); err != nil {
		return nil, errors.Wrap(err, "the pipeline has no order")
	}

	if p.finally, err = dag.Build(pipelinev1.PipelineTaskList(spec.Finally), map[string][]string{}); err != nil {
		return nil, errors.Wrap(err, "finally has no order")
	}

	f, err := run.facts(ctx, p)
	if err != nil {
		return nil, err
	}

	for _, err := range []error{
		resources.ValidatePipelineTaskResults(f.State),
		resources.ValidatePipelineResults(spec, f.State),
		resources.ValidateOptionalWorkspaces(spec.Workspaces, f.State),
	} {
		if err != nil {
			return nil, errors.Wrap(err, "the pipeline does not fit its tasks")
		}
	}

	return p, nil
}

// facts are what Tekton decides by.
func (run *Run) facts(ctx context.Context, p *plan) (*resources.PipelineRunFacts, error) {
	var first, second []pipelinev1.PipelineTask

	for _, pt := range p.tasks {
		if run.TaskRun(pt.Name) != nil {
			first = append(first, pt)
		} else {
			second = append(second, pt)
		}
	}

	// What has run may have results for the rest.
	state := resources.PipelineRunState{}

	for _, pt := range append(first, second...) {
		rpt, err := run.resolve(ctx, *pt.DeepCopy(), state)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot resolve task %s", pt.Name)
		}

		state = append(state, rpt)
	}

	f := &resources.PipelineRunFacts{
		State:           state,
		SpecStatus:      run.pr.Spec.Status,
		TasksGraph:      p.graph,
		FinalTasksGraph: p.finally,
		TimeoutsState: resources.PipelineRunTimeoutsState{
			Clock:           clock.RealClock{},
			StartTime:       &run.pr.Status.StartTime.Time,
			PipelineTimeout: new(run.pr.PipelineTimeout(ctx)),
		},
	}

	if t := run.pr.Status.FinallyStartTime; t != nil {
		f.TimeoutsState.FinallyStartTime = &t.Time
	}

	if t := run.pr.TasksTimeout(); t != nil {
		f.TimeoutsState.TasksTimeout = &t.Duration
	}

	if t := run.pr.FinallyTimeout(); t != nil {
		f.TimeoutsState.FinallyTimeout = &t.Duration
	}

	return f, nil
}

func (run *Run) resolve(ctx context.Context, pt pipelinev1.PipelineTask, state resources.PipelineRunState) (*resources.ResolvedPipelineTask, error) {
	getTask := func(_ context.Context, name string) (*pipelinev1.Task, *pipelinev1.RefSource, *trustedresources.VerificationResult, error) {
		t, err := run.runner.task(ctx, pt.TaskRef, name)

		return t, nil, nil, err
	}

	getTaskRun := func(string) (*pipelinev1.TaskRun, error) {
		if tr := run.TaskRun(pt.Name); tr != nil {
			return tr, nil
		}

		return nil, kerrors.NewNotFound(schema.GroupResource{}, pt.Name)
	}

	rpt, err := resources.ResolvePipelineTask(ctx, *run.pr, nil, getTask, getTaskRun, nil, pt, state)
	if err != nil {
		return nil, err
	}

	if err := taskrun.ValidateResolvedTask(ctx, rpt.PipelineTask.Params, rpt.PipelineTask.Matrix, rpt.ResolvedTask); err != nil {
		return nil, err
	}

	if err := rpt.EvaluateCEL(); err != nil {
		return nil, err
	}

	return rpt, nil
}

// task reads a Task of this checkout, which a release of it would have.
func (r *Runner) task(ctx context.Context, ref *pipelinev1.TaskRef, name string) (*pipelinev1.Task, error) {
	for _, p := range ref.Params {
		if p.Name == paramURL {
			name = strings.TrimSuffix(filepath.Base(p.Value.StringVal), ".yaml")
		}
	}

	path := filepath.Join("tasks", name, "0.1", name+".yaml")
	if !filepath.IsLocal(path) {
		return nil, errors.Errorf("%q is not in the repository", path)
	}

	t := &pipelinev1.Task{}

	return t, ReadFile(ctx, filepath.Join(r.Root, path), t)
}

// An Object of Tekton can tell what is wrong with it.
type Object interface {
	kmeta.OwnerRefable
	SetDefaults(ctx context.Context)
}

// ReadFile reads an object of Tekton's, of which it must know every field.
func ReadFile(ctx context.Context, path string, into Object) error {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return errors.Wrap(err, "cannot read a manifest")
	}

	// What is merged into it may be replaced there, which is no mistake.
	if err := yaml.Unmarshal(b, into, yaml.DisallowUnknownFields); err != nil {
		return errors.Wrapf(err, "cannot parse %s", path)
	}

	into.SetDefaults(ctx)

	return nil
}

// cancelSome ends what is to end before the rest goes on.
func (run *Run) cancelSome(ctx context.Context, f *resources.PipelineRunFacts) {
	running := func(final bool) func(string) bool {
		return func(name string) bool { return f.GetFinalTaskNames().Has(name) == final }
	}

	if run.pr.IsGracefullyCancelled() && f.IsRunning() {
		run.cancel(pipelinev1.TaskRunCancelledByPipelineMsg, running(false))
	}

	if run.pr.Status.FinallyStartTime == nil && run.pr.HaveTasksTimedOut(ctx, clock.RealClock{}) {
		run.cancel(pipelinev1.TaskRunCancelledByPipelineTimeoutMsg, running(false))
	}

	if run.pr.HasFinallyTimedOut(ctx, clock.RealClock{}) {
		run.cancel(pipelinev1.TaskRunCancelledByPipelineTimeoutMsg, running(true))
	}

	if run.pr.HasTimedOut(ctx, clock.RealClock{}) {
		run.cancel(pipelinev1.TaskRunCancelledByPipelineTimeoutMsg, nil)
	}
}

// schedule starts what is next.
func (run *Run) schedule(ctx context.Context, p *plan, f *resources.PipelineRunFacts) error {
	next, err := f.DAGExecutionQueue()
	if err != nil {
		return errors.Wrap(err, "cannot tell what is next")
	}

	for _, rpt := range next {
		if err := resources.CheckMissingResultReferences(f.State, rpt); err != nil {
			f.ValidationFailedTask = append(f.ValidationFailedTask, rpt)
			next = nil

			p.logger.Infof("task %s lacks results: %v", rpt.PipelineTask.Name, err)
		}
	}

	final := f.GetFinalTasks()
	resources.ApplyPipelineTaskStateContext(final, f.GetPipelineTaskStatus())

	for _, rpt := range final {
		refs, _, err := resources.ResolveResultRef(f.State, rpt)
		if err != nil {
			continue // It is skipped.
		}

		resources.ApplyTaskResults(resources.PipelineRunState{rpt}, refs)

		if err := rpt.EvaluateCEL(); err != nil {
			return errors.Wrapf(err, "cannot tell whether task %s is to run", rpt.PipelineTask.Name)
		}

		next = append(next, rpt)
	}

	resources.ApplyResultsToWorkspaceBindings(f.State.GetTaskRunsResults(), run.pr)

	for _, rpt := range next {
		if rpt.IsFinalTask(f) && run.pr.Status.FinallyStartTime == nil {
			run.pr.Status.FinallyStartTime = now()
		}

		if rpt.Skip(f).IsSkipped || rpt.IsFinallySkipped(f).IsSkipped || run.isHeld(rpt.PipelineTask.Name) {
			continue
		}

		resources.PropagateResults(rpt, f.State)

		if err := run.startTask(ctx, rpt, f); err != nil {
			return err
		}
	}

	return nil
}

func (run *Run) isHeld(task string) bool {
	run.mu.Lock()
	defer run.mu.Unlock()

	return run.held[task]
}

// startTask creates a TaskRun as Tekton does, and starts it.
func (run *Run) startTask(ctx context.Context, rpt *resources.ResolvedPipelineTask, f *resources.PipelineRunFacts) error {
	pt := resources.ApplyPipelineTaskContexts(rpt.PipelineTask, run.pr.Status, f)

	tr := &pipelinev1.TaskRun{
		ObjectMeta: metav1.ObjectMeta{
			Name:            rpt.TaskRunNames[0],
			Namespace:       run.pr.GetNamespace(),
			Labels:          map[string]string{"tekton.dev/pipelineRun": run.pr.GetName(), "tekton.dev/pipelineTask": pt.Name},
			OwnerReferences: []metav1.OwnerReference{*kmeta.NewControllerRef(run.pr)},
		},
		Spec: pipelinev1.TaskRunSpec{Params: pt.Params, Timeout: pt.Timeout, Workspaces: run.workspaces(pt)},
	}

	if rpt.ResolvedTask.TaskName != "" {
		tr.Spec.TaskRef = pt.TaskRef
	} else {
		tr.Spec.TaskSpec = rpt.ResolvedTask.TaskSpec
	}

	t, err := run.runner.start(ctx, tr, rpt.ResolvedTask, run.nudge)
	if err != nil {
		return errors.Wrapf(err, "cannot start task %s", pt.Name)
	}

	rpt.TaskRuns = append(rpt.TaskRuns, t.taskRun())

	run.mu.Lock()
	defer run.mu.Unlock()

	run.started[pt.Name] = t
	child := pipelinev1.ChildStatusReference{Name: tr.GetName(), PipelineTaskName: pt.Name}
	child.APIVersion, child.Kind = pipelinev1.SchemeGroupVersion.String(), "TaskRun"
	run.children = append(run.children, child)

	return nil
}

// workspaces are those of the PipelineRun, by the names of the task.
func (run *Run) workspaces(pt *pipelinev1.PipelineTask) []pipelinev1.WorkspaceBinding {
	var bindings []pipelinev1.WorkspaceBinding

	for _, w := range pt.Workspaces {
		for _, b := range run.pr.Spec.Workspaces {
			if b.Name == w.Workspace || (w.Workspace == "" && b.Name == w.Name) {
				b = *b.DeepCopy()
				b.Name, b.SubPath = w.Name, filepath.Join(b.SubPath, w.SubPath)
				bindings = append(bindings, b)
			}
		}
	}

	return bindings
}
