//go:build linux

package tekton

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// interval is how often a PipelineRun is looked at, which may be cancelled or deleted.
const interval = 100 * time.Millisecond

// ErrDeleted says that a PipelineRun was deleted while it ran.
var ErrDeleted = errors.New("the PipelineRun was deleted")

// A Run is a PipelineRun while it runs, and after that.
type Run struct {
	runner *Runner
	ended  chan struct{}
	err    error

	// pr is live's own, and children are what it has started, in order.
	pr       *pipelinev1.PipelineRun
	children []pipelinev1.ChildStatusReference

	mu      sync.Mutex
	seen    *pipelinev1.PipelineRun
	held    map[string]bool
	started map[string]*task
	changed chan struct{}
}

func newRun(r *Runner, pr *pipelinev1.PipelineRun, held []string) *Run {
	run := &Run{
		runner:  r,
		pr:      pr,
		seen:    pr.DeepCopy(),
		held:    map[string]bool{},
		started: map[string]*task{},
		ended:   make(chan struct{}),
		changed: make(chan struct{}, 1),
	}

	for _, h := range held {
		run.held[h] = true
	}

	return run
}

// PipelineRun is the PipelineRun as last seen.
func (run *Run) PipelineRun() *pipelinev1.PipelineRun {
	run.mu.Lock()
	defer run.mu.Unlock()

	return run.seen.DeepCopy()
}

func (run *Run) publish() {
	run.mu.Lock()
	defer run.mu.Unlock()

	run.seen = run.pr.DeepCopy()
}

// Release lets a held task start, once it is its turn.
func (run *Run) Release(task string) {
	run.mu.Lock()
	defer run.mu.Unlock()

	delete(run.held, task)
	run.nudge()
}

// nudge makes the run be looked at now.
func (run *Run) nudge() {
	select {
	case run.changed <- struct{}{}:
	default:
	}
}

// Await returns the PipelineRun once it has ended, well or not. It is an error if it
// was deleted, or could not go on.
func (run *Run) Await(ctx context.Context) (*pipelinev1.PipelineRun, error) {
	select {
	case <-ctx.Done():
		return nil, errors.Wrapf(ctx.Err(), "PipelineRun %s has not ended\n%s", run.PipelineRun().GetName(), run.Logs())
	case <-run.ended:
		return run.PipelineRun(), run.err
	}
}

// AwaitTask returns the TaskRun of a task once it has ended, well or not.
func (run *Run) AwaitTask(ctx context.Context, name string) (*pipelinev1.TaskRun, error) {
	for {
		run.mu.Lock()
		t := run.started[name]
		run.mu.Unlock()

		if t != nil {
			select {
			case <-ctx.Done():
				return nil, errors.Wrapf(ctx.Err(), "TaskRun %s has not ended\n%s", t.run.GetName(), t.log())
			case <-t.ended:
				return t.taskRun(), nil
			}
		}

		select {
		case <-ctx.Done():
			return nil, errors.Wrapf(ctx.Err(), "task %s has not started", name)
		case <-run.ended:
			return nil, errors.Errorf("task %s was not started", name)
		case <-time.After(interval):
		}
	}
}

// TaskRun returns the TaskRun of a task, or nil if it was not started.
func (run *Run) TaskRun(name string) *pipelinev1.TaskRun {
	run.mu.Lock()
	t := run.started[name]
	run.mu.Unlock()

	if t == nil {
		return nil
	}

	return t.taskRun()
}

// Log returns what a task has printed.
func (run *Run) Log(name string) string {
	run.mu.Lock()
	t := run.started[name]
	run.mu.Unlock()

	if t == nil {
		return ""
	}

	return t.log()
}

// Logs returns what all tasks have printed.
func (run *Run) Logs() string {
	logs := &strings.Builder{}
	for _, c := range run.PipelineRun().Status.ChildReferences {
		_, _ = fmt.Fprintf(logs, "log of task %s:\n%s", c.PipelineTaskName, run.Log(c.PipelineTaskName))
	}

	return logs.String()
}

// live goes on until the PipelineRun has ended and nothing of it runs.
func (run *Run) live(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer close(run.ended)
	defer run.awaitTasks()
	// Nothing of a PipelineRun outlives it.
	defer cancel()

	p, err := run.plan(ctx)
	if err != nil {
		run.err = err

		return
	}

	t := time.NewTicker(interval)
	defer t.Stop()

	for {
		done, err := run.step(ctx, p)
		if done || err != nil {
			run.err = err

			return
		}

		select {
		case <-ctx.Done():
			run.err = ctx.Err()

			return
		case <-run.changed:
		case <-t.C:
		}
	}
}

// step looks at the PipelineRun and does what is next. It returns whether it has ended.
func (run *Run) step(ctx context.Context, p *plan) (bool, error) {
	if err := run.refresh(ctx); err != nil {
		return false, err
	}

	f, err := run.facts(ctx, p)
	if err != nil {
		return false, err
	}

	if run.pr.IsCancelled() {
		run.cancel("", nil)
		run.awaitTasks()
		run.pr.Status.SetCondition(&apis.Condition{
			Type:    apis.ConditionSucceeded,
			Status:  "False",
			Reason:  pipelinev1.PipelineRunReasonCancelled.String(),
			Message: fmt.Sprintf("PipelineRun %q was cancelled", run.pr.GetName()),
		})

		return true, run.writeStatus(ctx)
	}

	run.cancelSome(ctx, f)

	if err := run.schedule(ctx, p, f); err != nil {
		return false, err
	}

	f.ResetSkippedCache()

	condition := f.GetPipelineConditionStatus(ctx, run.pr, p.logger, clock.RealClock{})
	before := run.pr.Status.GetCondition(apis.ConditionSucceeded)

	if before != nil && before.Status == condition.Status && before.Reason == condition.Reason && before.Message == condition.Message {
		return false, nil
	}

	run.pr.Status.SetCondition(condition)
	run.pr.Status.SkippedTasks = f.GetSkippedTasks()

	return condition.Status != "Unknown", run.writeStatus(ctx)
}

// refresh reads what others have made of the PipelineRun. An API server that does not
// answer is no news.
func (run *Run) refresh(ctx context.Context) error {
	pr := &pipelinev1.PipelineRun{}

	err := run.runner.client.Get(ctx, client.ObjectKeyFromObject(run.pr), pr)
	if kerrors.IsNotFound(err) || (err == nil && (pr.GetUID() != run.pr.GetUID() || pr.GetDeletionTimestamp() != nil)) {
		return ErrDeleted
	}

	if err != nil {
		return ctx.Err()
	}

	run.pr.Spec.Status = pr.Spec.Status

	return nil
}

// writeStatus writes the status, again and again while the API server does not answer.
func (run *Run) writeStatus(ctx context.Context) error {
	run.pr.Status.ChildReferences = slices.Clone(run.children)
	run.publish()

	pr := run.PipelineRun()

	return persist(ctx, run.runner.client, pr, func() { run.pr.Status.DeepCopyInto(&pr.Status) })
}

// persist updates the status of an object to what set makes of it.
func persist(ctx context.Context, c client.Client, o client.Object, set func()) error {
	for {
		err := c.Get(ctx, client.ObjectKeyFromObject(o), o)
		if err == nil {
			set()

			err = c.Status().Update(ctx, o)
		}

		if err == nil || kerrors.IsNotFound(err) {
			return nil
		}

		if kerrors.IsInvalid(err) || kerrors.IsBadRequest(err) {
			return errors.Wrapf(err, "cannot write the status of %s", o.GetName())
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

// cancel ends the tasks that are chosen, or all.
func (run *Run) cancel(message pipelinev1.TaskRunSpecStatusMessage, choose func(name string) bool) {
	run.mu.Lock()
	defer run.mu.Unlock()

	for name, t := range run.started {
		if choose == nil || choose(name) {
			t.end(pipelinev1.TaskRunReasonCancelled, message)
		}
	}
}

func (run *Run) awaitTasks() {
	run.mu.Lock()

	started := make([]*task, 0, len(run.started))
	for _, t := range run.started {
		started = append(started, t)
	}
	run.mu.Unlock()

	for _, t := range started {
		<-t.ended
	}
}

func now() *metav1.Time { return &metav1.Time{Time: time.Now()} }
