//go:build linux && e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/tekton"
)

// readTenant reads a pipeline that is as a tenant has written it.
func readTenant(t *testing.T, name string) *pipelinev1.PipelineRun {
	t.Helper()

	pr := &pipelinev1.PipelineRun{}
	if err := tekton.ReadFile(t.Context(), filepath.Join(shared.Root(), "tasks", "testdata", name+".yaml"), pr); err != nil {
		t.Fatal(err)
	}

	pr.SetNamespace(pipelineTenant)

	return pr
}

// end deletes the PipelineRun, as pruning does, and waits until the clusters of its tasks are
// destroyed: nobody else gives them back.
func (p *pipeline) end(tasks ...string) {
	p.t.Helper()

	owners := map[string]bool{}

	for _, task := range tasks {
		claim := &unstructured.Unstructured{}
		claim.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind})

		name := client.ObjectKey{Namespace: pipelineTenant, Name: p.PipelineRun().GetName() + "-" + task}
		if err := shared.Konflux.Get(p.ctx, name, claim); err != nil {
			p.t.Fatal(err)
		}

		url, _ := condition(claim, v1alpha1.ConditionProwJobURL)["message"].(string)
		owners[url] = true
	}

	if err := shared.Konflux.Delete(p.ctx, p.object()); err != nil {
		p.t.Fatal(err)
	}

	for url := range owners {
		if _, err := shared.AppCI.Await(p.ctx, &prowv1.ProwJobList{}, func(o client.Object) bool {
			pj, ok := o.(*prowv1.ProwJob)

			return ok && pj.Status.URL == url && pj.Complete()
		}); err != nil {
			p.t.Errorf("the cluster of %s is not destroyed: %v", url, err)
		}
	}
}

// Pipelines that tenants have written for the deployed tasks run as they are.
func TestTenantPipelines(t *testing.T) {
	t.Parallel()

	r := newTekton(t)

	t.Run("HostedMirrors", func(t *testing.T) {
		beside(t)

		reason := "A value that is JSON in JSON reaches the cluster whole."

		p := runPipeline(t, r, readTenant(t, "hosted-mirrors"))
		p.ends(pipelinev1.PipelineRunReasonSuccessful)

		if log := p.Log(taskTest); !strings.Contains(log, "kube-system") {
			t.Errorf("\n%s\nthe test has not reached the cluster:\n%s", reason, log)
		}

		claim := &unstructured.Unstructured{}
		claim.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind})

		name := client.ObjectKey{Namespace: pipelineTenant, Name: p.PipelineRun().GetName() + "-provision-cluster"}
		if err := shared.Konflux.Get(p.ctx, name, claim); err != nil {
			t.Fatal(err)
		}

		want := "- mirrors:\n    - quay.io/example-tenant/operator\n  source: registry.example.com/operators/operator\n"
		if got, _, _ := unstructured.NestedString(claim.Object, "spec", "ciOperator", "test", "env", "IMAGE_CONTENT_SOURCES"); got != want {
			t.Errorf("\n%s\nwant %q, got %q", reason, want, got)
		}

		p.end("provision-cluster")
	})

	t.Run("HostedMirrorsWithoutVersion", func(t *testing.T) {
		beside(t)

		reason := "A version that does not come is told of within seconds, and asks for nothing."

		pr := readTenant(t, "hosted-mirrors")
		for i := range pr.Spec.Params {
			if pr.Spec.Params[i].Name == "version" {
				pr.Spec.Params[i].Value = *pipelinev1.NewStructuredValues("")
			}
		}

		p := runPipeline(t, r, pr)
		p.ends(pipelinev1.PipelineRunReasonFailed)

		if log := p.Log("provision-cluster"); !strings.Contains(log, "tpc: --releases: latest.release.version: is required, and is empty\n") {
			t.Errorf("\n%s\n%s", reason, log)
		}

		if tr := p.TaskRun("provision-cluster"); tr.Status.CompletionTime.Sub(tr.Status.StartTime.Time) > time.Minute {
			t.Errorf("\n%s\nit took from %s to %s", reason, tr.Status.StartTime, tr.Status.CompletionTime)
		}

		p.end()
	})

	t.Run("HiveFIPS", func(t *testing.T) {
		beside(t)

		reason := "The test logs in with the password, and that the pool may take longer than the task waits is told."

		p := runPipeline(t, r, readTenant(t, "hive-fips"))
		p.ends(pipelinev1.PipelineRunReasonSuccessful)

		if log := p.Log("console"); !strings.Contains(log, "kube-system") {
			t.Errorf("\n%s\nthe console has not reached the cluster:\n%s", reason, log)
		}

		if log := p.Log(taskProvision); !strings.Contains(log, "tpc: warning: --cluster-claim: timeout: ") {
			t.Errorf("\n%s\n%s", reason, log)
		}

		p.end(taskProvision)
	})

	t.Run("TwoClusters", func(t *testing.T) {
		beside(t)

		p := runPipeline(t, r, readTenant(t, "two-clusters"))

		// What holds the clusters when the test fails is left out.
		p.ends(pipelinev1.PipelineRunReasonCompleted)

		if n := strings.Count(p.Log(taskTest), "kube-system"); n != 2 {
			t.Errorf("Want the test to reach both clusters, it has reached %d:\n%s", n, p.Log(taskTest))
		}

		p.end("provision-hub", "provision-managed")
	})

	t.Run("TwoClustersHeld", func(t *testing.T) {
		beside(t)

		reason := "When the test fails, both clusters are there for as long as they are held."

		pr := readTenant(t, "two-clusters")
		test := &pr.Spec.PipelineSpec.Tasks[2].TaskSpec.Steps[0]
		test.Script += "exit 7\n"

		p := runPipeline(t, r, pr)
		p.ends(pipelinev1.PipelineRunReasonFailed)
		p.taskEnds("hold-on-failure", pipelinev1.TaskRunReasonSuccessful)

		if log := p.Log("hold-on-failure"); !strings.Contains(log, "hub: "+p.PipelineRun().GetName()+"-provision-hub-secret") {
			t.Errorf("\n%s\n%s", reason, log)
		}

		for _, task := range []string{"provision-hub", "provision-managed"} {
			claim := &unstructured.Unstructured{}
			claim.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind})

			if err := shared.Konflux.Get(p.ctx, client.ObjectKey{Namespace: pipelineTenant, Name: p.PipelineRun().GetName() + "-" + task}, claim); err != nil {
				t.Fatal(err)
			}

			if got := condition(claim, string(apiv1.ConditionClusterReady))["status"]; got != "True" {
				t.Errorf("\n%s\n%s: ClusterReady is %v", reason, task, got)
			}
		}

		p.end("provision-hub", "provision-managed")
	})
}
