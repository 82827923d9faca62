//go:build linux && e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A pipeline has parameters of the workflow in a Secret, copies Secrets to its cluster,
// and shows the kubeconfig to nobody who only reads what Tekton keeps of it.
func TestPipelineSecrets(t *testing.T) {
	parallel(t, lives)

	r := newTekton(t)

	for _, s := range []*corev1.Secret{
		{
			ObjectMeta: metav1.ObjectMeta{Namespace: pipelineTenant, Name: "workflow-parameters"},
			Data:       map[string][]byte{"COMPUTE_NODE_REPLICAS": []byte("3\n"), "REGION": []byte("eu-central-1")},
		},
		{
			ObjectMeta: metav1.ObjectMeta{Namespace: pipelineTenant, Name: "pull", Labels: map[string]string{"copy": "yes"}},
			Data:       map[string][]byte{"token": []byte("a token")},
		},
	} {
		if err := shared.Konflux.ApplyAll(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}

	pr := readPipeline(t, "install")
	pr.SetNamespace(pipelineTenant)

	spec := pr.Spec.PipelineSpec
	spec.Workspaces = []pipelinev1.PipelineWorkspaceDeclaration{{Name: "parameters"}}
	spec.Tasks[0].Workspaces = []pipelinev1.WorkspacePipelineTaskBinding{{Name: "env-files", Workspace: "parameters"}}
	pr.Spec.Workspaces = []pipelinev1.WorkspaceBinding{{Name: "parameters", Secret: &corev1.SecretVolumeSource{SecretName: "workflow-parameters"}}}

	copySecrets := pipelinev1.PipelineTask{Name: "copy", TaskRef: &pipelinev1.TaskRef{Name: "copy-secrets-to-ephemeral-cluster"}}
	setParam(&copySecrets, "clusterCredentialsSecretRef", "$(tasks.provision.results.secretRef)")
	setParam(&copySecrets, "namespace", "default")
	setParam(&copySecrets, "labelSelector", "copy=yes")

	spec.Tasks[1].RunAfter = []string{copySecrets.Name}
	spec.Tasks[1].TaskSpec.Steps[0].Script += "oc --namespace default get secrets --output name\n"
	spec.Tasks = append(spec.Tasks, copySecrets)

	p := runPipeline(t, r, pr)
	p.ends(pipelinev1.PipelineRunReasonSuccessful)

	u := p.claim("anything", func(*unstructured.Unstructured) bool { return true })

	env, _, _ := unstructured.NestedStringMap(u.Object, "spec", "ciOperator", "test", "env")
	if env["COMPUTE_NODE_REPLICAS"] != "3" || env["REGION"] != "eu-central-1" {
		t.Errorf("the files of env-files are not the workflow's parameters: %v", env)
	}

	if log := p.Log(taskTest); !strings.Contains(log, "secret/pull\n") || strings.Contains(log, "workflow-parameters") {
		t.Errorf("want the one Secret that is to be copied, got:\n%s", log)
	}

	checkSecrecy(t, p)
	p.destroyed()
	p.remove()
}

// checkSecrecy looks for the kubeconfig in what people see of a pipeline.
func checkSecrecy(t *testing.T, p *pipeline) {
	t.Helper()

	secret := &corev1.Secret{}
	secret.SetNamespace(pipelineTenant)
	secret.SetName(p.PipelineRun().GetName() + "-" + taskProvision + "-secret")

	if err := shared.Konflux.Get(p.ctx, client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Fatal(err)
	}

	if _, found := findCanary(secret.Data["kubeconfig"]); !found {
		t.Fatal("the kubeconfig does not hold the canary, so this test shows nothing")
	}

	seen := p.Logs()

	for _, kind := range []string{"PipelineRunList", "TaskRunList"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(pipelinev1.SchemeGroupVersion.WithKind(kind))

		if err := shared.Konflux.List(p.ctx, list); err != nil {
			t.Fatal(err)
		}

		b, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}

		if !strings.Contains(string(b), p.PipelineRun().GetName()) {
			t.Errorf("the %s does not have the pipeline's, so this test shows nothing", kind)
		}

		seen += string(b)
	}

	if form, found := findCanary([]byte(seen)); found {
		t.Errorf("Tekton's objects or logs hold the canary (%s)", form)
	}
}
