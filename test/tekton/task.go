//go:build linux

package tekton

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/reconciler/taskrun/resources"
	"github.com/tektoncd/pipeline/pkg/workspace"
	"knative.dev/pkg/apis"
)

// A task is a TaskRun that was started.
type task struct {
	runner *Runner
	dir    string
	stop   context.CancelFunc
	ended  chan struct{}

	mu  sync.Mutex
	run *pipelinev1.TaskRun

	// reason is why it was ended, if it was.
	reason pipelinev1.TaskRunReason
}

// start creates a TaskRun and runs it. Whoever waits for it is nudged when it has ended.
func (r *Runner) start(ctx context.Context, tr *pipelinev1.TaskRun, rt *resources.ResolvedTask, nudge func()) (*task, error) {
	tr.SetDefaults(ctx)

	if err := tr.Validate(ctx); err != nil {
		return nil, errors.Wrap(err, "the TaskRun is not valid")
	}

	if err := rt.TaskSpec.Validate(ctx); err != nil {
		return nil, errors.Wrap(err, "the Task is not valid")
	}

	if err := retry(ctx, func() error { return r.client.Create(ctx, tr) }); err != nil {
		return nil, errors.Wrap(err, "cannot create the TaskRun")
	}

	tr.Status.StartTime = now()
	tr.Status.MarkResourceOngoing(pipelinev1.TaskRunReasonRunning, "Not all Steps in the Task have finished executing")

	t := &task{runner: r, dir: filepath.Join(r.dir, tr.GetName()+"-"+string(tr.GetUID())), ended: make(chan struct{}), run: tr}

	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return nil, errors.Wrap(err, "cannot make a directory")
	}

	_, _ = fmt.Fprintf(r.Out, "TaskRun %s starts\n", tr.GetName())

	ctx, t.stop = context.WithCancel(ctx)

	timeout := time.AfterFunc(tr.GetTimeout(ctx), func() { t.end(pipelinev1.TaskRunReasonTimedOut, "") })

	go func() {
		defer nudge()
		defer close(t.ended)
		defer t.stop()
		defer timeout.Stop()

		t.finish(context.WithoutCancel(ctx), rt, t.live(ctx, rt))
	}()

	return t, nil
}

// end ends a task before its time, as Tekton does by deleting its Pod.
func (t *task) end(reason pipelinev1.TaskRunReason, message pipelinev1.TaskRunSpecStatusMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if t.run.IsDone() || t.reason != "" {
		return
	}

	t.reason = reason
	t.run.Spec.StatusMessage = message
	t.stop()
}

func (t *task) taskRun() *pipelinev1.TaskRun {
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.run.DeepCopy()
}

func (t *task) path(name string) string { return filepath.Join(t.dir, name) }

// log returns what the steps have printed.
func (t *task) log() string {
	b, err := os.ReadFile(t.path("log"))
	if err != nil {
		return ""
	}

	return string(b)
}

// live runs the steps, one after the other, until one fails.
func (t *task) live(ctx context.Context, rt *resources.ResolvedTask) error {
	tr := t.taskRun()

	spec, err := substitute(ctx, tr, rt)
	if err != nil {
		return err
	}

	paths, err := t.mount(ctx, spec)
	if err != nil {
		return err
	}

	steps, err := pipelinev1.MergeStepsWithStepTemplate(spec.StepTemplate, spec.Steps)
	if err != nil {
		return errors.Wrap(err, "cannot apply the step template")
	}

	for _, s := range steps {
		if err := t.step(ctx, s, paths); err != nil {
			return errors.Wrapf(err, "step %s", s.Name)
		}
	}

	return nil
}

// substitute puts values in the place of variables, as Tekton does before it makes a Pod.
func substitute(ctx context.Context, tr *pipelinev1.TaskRun, rt *resources.ResolvedTask) (*pipelinev1.TaskSpec, error) {
	if err := resources.ValidateParamArrayIndex(rt.TaskSpec, tr.Spec.Params); err != nil {
		return nil, err
	}

	spec := rt.TaskSpec.DeepCopy()
	if err := workspace.ValidateBindings(ctx, spec.Workspaces, tr.Spec.Workspaces); err != nil {
		return nil, err
	}

	tr = resources.ApplyParametersToWorkspaceBindings(spec, tr.DeepCopy())
	volumes := workspace.CreateVolumes(tr.Spec.Workspaces)

	spec = resources.ApplyParameters(spec, tr, spec.Params...)
	spec = resources.ApplyContexts(spec, rt.TaskName, tr)
	spec = resources.ApplyResults(spec)
	spec = resources.ApplyArtifacts(spec)
	spec = resources.ApplyStepExitCodePath(spec)
	spec = resources.ApplyWorkspaces(ctx, spec, spec.Workspaces, tr.Spec.Workspaces, volumes)

	return workspace.Apply(ctx, *spec, tr.Spec.Workspaces, volumes)
}

// finish writes down how a task has ended.
func (t *task) finish(ctx context.Context, rt *resources.ResolvedTask, err error) {
	// What a Pod that is deleted would have had as results is lost.
	var results []pipelinev1.TaskRunResult

	t.mu.Lock()
	ended := t.reason
	t.mu.Unlock()

	if ended == "" {
		var wrong error
		if results, wrong = t.results(rt.TaskSpec); err == nil {
			err = wrong
		}
	}

	t.mu.Lock()
	t.run.Status.CompletionTime = now()
	t.run.Status.Results = results

	switch {
	case ended != "":
		t.run.Status.MarkResourceFailed(ended, errors.Errorf("TaskRun %q was ended: %s", t.run.GetName(), ended))
	case err != nil:
		t.run.Status.MarkResourceFailed(pipelinev1.TaskRunReasonFailed, err)
	default:
		t.run.Status.SetCondition(&apis.Condition{
			Type:    apis.ConditionSucceeded,
			Status:  "True",
			Reason:  pipelinev1.TaskRunReasonSuccessful.String(),
			Message: "All Steps have completed executing",
		})
	}
	t.mu.Unlock()

	done := t.taskRun()
	condition := done.Status.GetCondition(apis.ConditionSucceeded)

	_, _ = fmt.Fprintf(t.runner.Out, "TaskRun %s: %s: %s\n", done.GetName(), condition.Reason, condition.Message)

	// Of a TaskRun that is deleted there is nothing to write.
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	tr := done.DeepCopy()
	_ = persist(ctx, t.runner.client, tr, func() { done.Status.DeepCopyInto(&tr.Status) })
}

// results reads those that there are.
func (t *task) results(spec *pipelinev1.TaskSpec) ([]pipelinev1.TaskRunResult, error) {
	var results []pipelinev1.TaskRunResult

	for _, r := range spec.Results {
		b, err := os.ReadFile(filepath.Join(t.path(resultsDir), r.Name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}

		if err != nil {
			return nil, errors.Wrap(err, "cannot read a result")
		}

		if r.Type != "" && r.Type != pipelinev1.ResultsTypeString {
			return nil, errors.Errorf("result %s is a %s, and only strings are known", r.Name, r.Type)
		}

		results = append(results, pipelinev1.TaskRunResult{Name: r.Name, Type: pipelinev1.ResultsTypeString, Value: *pipelinev1.NewStructuredValues(string(b))})
	}

	return results, nil
}
