//go:build linux

package life

import (
	"context"
	"fmt"
	"io"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/tekton"
)

// Tasks of a pipeline that lives a cluster's life.
const (
	taskProvision   = "provision"
	taskTest        = "test"
	taskDeprovision = "deprovision"
)

// parts are the steps in which somebody plays the pipeline.
type parts struct {
	starts, creates, writesResults, tests, ends, tearsDown step
}

// byHand is the pipeline as kubectl plays it.
func (l *Life) byHand() parts {
	return parts{
		starts:        step{"the pipeline starts the provision task (kubectl stands in for it)", nil, soon, l.pipelineStarts},
		creates:       step{"the task creates a TestPlatformCluster (kubectl create)", nil, soon, l.createClaim},
		writesResults: step{"the task writes its results (kubectl stands in for it)", nil, soon, l.writeResults},
		tests:         step{"the pipeline tests: kubectl get namespaces", nil, soon, l.test},
		ends:          step{"the pipeline starts the deprovision task (kubectl stands in for it)", nil, soon, l.pipelineEnds},
		tearsDown:     step{"the task sets spec.tearDownCluster (kubectl patch)", nil, soon, l.tearDown},
	}
}

// A pipelined life is that of the cluster of a PipelineRun.
type pipelined struct {
	runner *tekton.Runner
	pr     *pipelinev1.PipelineRun
	run    *tekton.Run // From step 1.

	// ctx is that of the PipelineRun, which outlasts steps.
	ctx context.Context //nolint:containedctx // See above.
}

// NewPipeline returns the life of the cluster that a PipelineRun asks for, whose tasks
// are called provision, test and deprovision. It ends with the context.
func NewPipeline(ctx context.Context, s *stack.Stack, r *tekton.Runner, pr *pipelinev1.PipelineRun, out io.Writer) *Life {
	l := New(s, pr.GetNamespace(), "", out)
	l.pipeline = &pipelined{runner: r, pr: pr, ctx: ctx}

	return l
}

func (l *Life) byPipeline() parts {
	return parts{
		starts:        step{"the pipeline starts the provision task", nil, soon, l.runStarts},
		creates:       step{"the task creates a TestPlatformCluster", nil, soon, l.taskCreates},
		writesResults: step{"the task writes its results", nil, soon, l.taskWritesResults},
		tests:         step{"the pipeline tests: oc get namespaces", nil, soon, l.runTests},
		ends:          step{"the pipeline starts the deprovision task", nil, soon, l.runEnds},
		tearsDown:     step{"the task sets spec.tearDownCluster", nil, soon, l.taskTearsDown},
	}
}

func (l *Life) parts() parts {
	if l.pipeline != nil {
		return l.byPipeline()
	}

	return l.byHand()
}

func (l *Life) runStarts(context.Context) (client.Object, error) {
	//nolint:contextcheck // It outlasts this step.
	run, err := l.pipeline.runner.Start(l.pipeline.ctx, l.pipeline.pr, taskProvision, taskTest, taskDeprovision)
	if err != nil {
		return nil, err
	}

	l.pipeline.run = run

	return run.PipelineRun(), nil
}

func (l *Life) taskCreates(ctx context.Context) (client.Object, error) {
	l.pipeline.run.Release(taskProvision)

	name := l.pipeline.run.PipelineRun().GetName() + "-" + taskProvision

	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind + "List"})

	o, err := l.stack.Konflux.Await(ctx, list, func(o client.Object) bool { return o.GetName() == name }, client.InNamespace(l.Namespace))
	if err != nil {
		return nil, errors.Wrap(err, l.pipeline.run.Log(taskProvision))
	}

	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, errors.Errorf("cannot use a %T as a claim", o)
	}

	l.claim = u

	return l.claim, nil
}

// taskEnds waits for a task to end well, and shows what it has printed.
func (l *Life) taskEnds(ctx context.Context, name string) (*pipelinev1.TaskRun, error) {
	tr, err := l.pipeline.run.AwaitTask(ctx, name)
	if err != nil {
		return nil, err
	}

	log := l.pipeline.run.Log(name)

	if !tr.IsSuccessful() {
		return nil, errors.Errorf("task %s: %s\n%s", name, tr.Status.GetCondition(apis.ConditionSucceeded).GetMessage(), log)
	}

	_, _ = fmt.Fprint(l.Out, indent(log))

	return tr, nil
}

func (l *Life) taskWritesResults(ctx context.Context) (client.Object, error) {
	tr, err := l.taskEnds(ctx, taskProvision)
	if err != nil {
		return nil, err
	}

	for _, r := range tr.Status.Results {
		if r.Name == "secretRef" && r.Value.StringVal == l.secretName() {
			return tr, nil
		}
	}

	return nil, errors.Errorf("the results do not name Secret %s: %v", l.secretName(), tr.Status.Results)
}

func (l *Life) runTests(ctx context.Context) (client.Object, error) {
	l.pipeline.run.Release(taskTest)

	tr, err := l.taskEnds(ctx, taskTest)
	if err != nil {
		return nil, err
	}

	return tr, nil
}

func (l *Life) runEnds(ctx context.Context) (client.Object, error) {
	l.pipeline.run.Release(taskDeprovision)

	return l.pipelineEnds(ctx)
}

func (l *Life) taskTearsDown(ctx context.Context) (client.Object, error) {
	err := l.awaitClaim(ctx, func(u *unstructured.Unstructured) bool {
		asked, _, _ := unstructured.NestedBool(u.Object, "spec", "tearDownCluster")

		return asked
	})

	return l.claim, err
}

// pipelineSucceeds waits for the end of the pipeline.
func (l *Life) pipelineSucceeds(ctx context.Context) error {
	if _, err := l.taskEnds(ctx, taskDeprovision); err != nil {
		return err
	}

	pr, err := l.pipeline.run.Await(ctx)
	if err != nil {
		return err
	}

	if c := pr.Status.GetCondition(apis.ConditionSucceeded); !c.IsTrue() {
		return errors.Errorf("the PipelineRun ended as %s: %s", c.GetReason(), c.GetMessage())
	}

	return nil
}

// owner is what a tenant deletes to end the cluster.
func (l *Life) owner() client.Object {
	if l.pipeline == nil {
		return l.claim
	}

	return object(pipelinev1.SchemeGroupVersion.String(), "PipelineRun", l.Namespace, l.pipeline.run.PipelineRun().GetName())
}
