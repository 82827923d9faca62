// Package tasks tests the Tekton tasks of this directory: that Tekton takes them, and
// that pipelines written for the deployed ones go on working.
package tasks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/config"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/reconciler/taskrun"
	"github.com/tektoncd/pipeline/pkg/reconciler/taskrun/resources"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const (
	image    = "quay.io/ephemeral-clusters/tpc:"
	releases = "https://github.com/ephemeral-clusters/ephemeral-clusters/releases/download/"
)

// An interface is what pipelines rely on: of each parameter the default, or that it is
// required.
type taskInterface struct {
	Params     map[string]string
	Workspaces map[string]string
	Results    []string
}

const (
	required = "required"
	optional = "optional"
)

func interfaces() map[string]taskInterface {
	return map[string]taskInterface{
		"provision-ephemeral-cluster": {
			Params: map[string]string{
				"ownerKind":                 "PipelineRun",
				"ownerName":                 required,
				"ownerUid":                  required,
				"buildRoot":                 `{"image_stream_tag": {"namespace": "openshift", "name": "release", "tag": "rhel-9-release-golang-1.24-openshift-4.20"}}`,
				"baseImages":                "",
				"externalImages":            "",
				"workflow":                  required,
				"env":                       "",
				"clusterProfile":            "",
				"clusterClaim":              "",
				"releases":                  "",
				"resources":                 "",
				"timeout":                   "2h",
				"hosted_management_cluster": "hosted-mgmt2",
			},
			Workspaces: map[string]string{"env-files": optional},
			Results:    []string{"secretRef", "testPlatformClusterClaimName", "testPlatformClusterClaimNamespace"},
		},
		"deprovision-ephemeral-cluster": {
			Params: map[string]string{
				"testPlatformClusterClaimName":      required,
				"testPlatformClusterClaimNamespace": required,
				"timeout":                           "2h",
			},
		},
		"copy-secrets-to-ephemeral-cluster": {
			Params: map[string]string{
				"clusterCredentialsSecretRef": required,
				"namespace":                   required,
				"labelSelector":               required,
			},
		},
	}
}

func readTask(t *testing.T, name string) *pipelinev1.Task {
	t.Helper()

	b, err := os.ReadFile(filepath.Join(name, "0.1", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}

	task := &pipelinev1.Task{}
	if err := yaml.UnmarshalStrict(b, task); err != nil {
		t.Fatal(err)
	}

	return task
}

func TestTasks(t *testing.T) {
	dirs, err := filepath.Glob("*/0.1/*.yaml")
	if err != nil || len(dirs) != len(interfaces()) {
		t.Fatalf("want %d tasks, got %v: %v", len(interfaces()), dirs, err)
	}

	for name, want := range interfaces() {
		t.Run(name, func(t *testing.T) {
			task := readTask(t, name)
			task.SetDefaults(t.Context())

			if err := task.Validate(t.Context()); err != nil {
				t.Errorf("Tekton does not take the task: %v", err)
			}

			if diff := cmp.Diff(name, task.GetName()); diff != "" {
				t.Errorf("name: -want, +got:\n%s", diff)
			}

			if diff := cmp.Diff(want, interfaceOf(task)); diff != "" {
				t.Errorf("What pipelines rely on must not change: -want, +got:\n%s", diff)
			}

			for _, s := range task.Spec.Steps {
				checkStep(t, s)
			}

			readme, err := os.ReadFile(filepath.Join(name, "0.1", "README.md"))
			if err != nil {
				t.Fatal(err)
			}

			for _, what := range names(task) {
				if !strings.Contains(string(readme), "`"+what+"`") {
					t.Errorf("The README does not tell of %s", what)
				}
			}
		})
	}
}

func interfaceOf(task *pipelinev1.Task) taskInterface {
	i := taskInterface{Params: map[string]string{}}

	for _, p := range task.Spec.Params {
		i.Params[p.Name] = required
		if p.Default != nil {
			i.Params[p.Name] = p.Default.StringVal
		}
	}

	for _, w := range task.Spec.Workspaces {
		if i.Workspaces == nil {
			i.Workspaces = map[string]string{}
		}

		i.Workspaces[w.Name] = required
		if w.Optional {
			i.Workspaces[w.Name] = optional
		}
	}

	for _, r := range task.Spec.Results {
		i.Results = append(i.Results, r.Name)
	}

	return i
}

func names(task *pipelinev1.Task) []string {
	all := make([]string, 0, len(task.Spec.Params)+len(task.Spec.Workspaces)+len(task.Spec.Results))

	for _, p := range task.Spec.Params {
		all = append(all, p.Name)
	}

	for _, w := range task.Spec.Workspaces {
		all = append(all, w.Name)
	}

	for _, r := range task.Spec.Results {
		all = append(all, r.Name)
	}

	return all
}

// checkStep makes sure that a step may do no more than it needs, and that no parameter
// can become part of a script.
func checkStep(t *testing.T, s pipelinev1.Step) {
	t.Helper()

	if !strings.HasPrefix(s.Image, image) || strings.HasSuffix(s.Image, ":latest") {
		t.Errorf("image: want a release of %s, got %q", image, s.Image)
	}

	if s.Script != "" || len(s.Command) > 0 {
		t.Errorf("want the image's program alone, got command %q and script %q", s.Command, s.Script)
	}

	want := &corev1.SecurityContext{
		RunAsNonRoot:             new(true),
		ReadOnlyRootFilesystem:   new(true),
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(want, s.SecurityContext); diff != "" {
		t.Errorf("security context: -want, +got:\n%s", diff)
	}

	for _, r := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if s.ComputeResources.Requests[r] == (corev1.ResourceList{})[r] || s.ComputeResources.Limits[r] == (corev1.ResourceList{})[r] {
			t.Errorf("%s is not bounded", r)
		}
	}
}

// Every parameter that is not for nothing reaches tpc, whole and on its own.
func TestArguments(t *testing.T) {
	unused := []string{"hosted_management_cluster"}

	for name := range interfaces() {
		task := readTask(t, name)
		args := task.Spec.Steps[0].Args

		for _, p := range task.Spec.Params {
			variable := "$(params." + p.Name + ")"
			used := slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, variable) })

			if used == slices.Contains(unused, p.Name) {
				t.Errorf("task %s: parameter %s is used: %t", name, p.Name, used)
			}
		}
	}

	if args := readTask(t, "provision-ephemeral-cluster").Spec.Steps[0].Args; !slices.Contains(args, "--results-dir="+pipeline.DefaultResultPath) {
		t.Errorf("want results where Tekton looks for them, %s, got %q", pipeline.DefaultResultPath, args)
	}
}

// The example pipelines are valid, and ask the tasks of this directory for what these know.
func TestExamples(t *testing.T) {
	examples, err := filepath.Glob("../examples/pipelines/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}

	for _, path := range examples {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}

			pr := &pipelinev1.PipelineRun{}
			if err := yaml.UnmarshalStrict(b, pr); err != nil {
				t.Fatal(err)
			}

			// It is generated when the object is created.
			pr.SetName(pr.GetGenerateName() + "7xk2p")
			pr.SetDefaults(t.Context())

			if err := pr.Validate(t.Context()); err != nil {
				t.Fatalf("Tekton does not take the PipelineRun: %v", err)
			}

			spec := pr.Spec.PipelineSpec

			for _, pt := range append(slices.Clone(spec.Tasks), spec.Finally...) {
				if pt.TaskRef == nil {
					continue
				}

				task := resolved(t, pt.TaskRef)
				rt := &resources.ResolvedTask{TaskName: task.GetName(), TaskSpec: &task.Spec}

				if err := taskrun.ValidateResolvedTask(t.Context(), pt.Params, nil, rt); err != nil {
					t.Error(err)
				}

				checkTimeout(t, pt, task)

				for _, p := range pt.Params {
					if !slices.ContainsFunc(task.Spec.Params, func(s pipelinev1.ParamSpec) bool { return s.Name == p.Name }) {
						t.Errorf("task %s does not know parameter %s", task.GetName(), p.Name)
					}
				}
			}

			checkTime(t, pr)

			if last := spec.Finally[len(spec.Finally)-1]; resolved(t, last.TaskRef).GetName() != "deprovision-ephemeral-cluster" {
				t.Errorf("the pipeline does not give its cluster back: %v", last)
			}
		})
	}
}

// Pipelines as tenants have written them, for the deployed tasks, go on with those of this
// directory as they are: Tekton takes them, the tasks know their parameters and have the results
// that they ask for, and what is JSON to their authors is JSON when it reaches tpc.
func TestTenants(t *testing.T) {
	pipelines, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(pipelines) == 0 {
		t.Fatalf("there are no pipelines: %v", err)
	}

	for _, path := range pipelines {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}

			pr := &pipelinev1.PipelineRun{}
			// What is merged into it may be replaced there.
			if err := yaml.Unmarshal(b, pr, yaml.DisallowUnknownFields); err != nil {
				t.Fatal(err)
			}

			pr.SetName(pr.GetGenerateName() + "7xk2p")
			pr.SetDefaults(t.Context())

			if err := pr.Validate(t.Context()); err != nil {
				t.Fatalf("Tekton does not take the PipelineRun: %v", err)
			}

			spec := pr.Spec.PipelineSpec
			given := map[string]string{}

			for _, p := range pr.Spec.Params {
				given["$(params."+p.Name+")"] = p.Value.StringVal
			}

			for _, pt := range append(slices.Clone(spec.Tasks), spec.Finally...) {
				checkAsked(t, pt, spec.Tasks)

				if pt.TaskRef == nil {
					continue
				}

				task := readTask(t, pt.TaskRef.Name)
				rt := &resources.ResolvedTask{TaskName: task.GetName(), TaskSpec: &task.Spec}

				if err := taskrun.ValidateResolvedTask(t.Context(), pt.Params, nil, rt); err != nil {
					t.Error(err)
				}

				for _, p := range pt.Params {
					checkParam(t, p, task, given)
				}
			}
		})
	}
}

// checkParam makes sure that a task knows a parameter, and that what begins like an object is
// one once what was given to the pipeline is in it.
func checkParam(t *testing.T, p pipelinev1.Param, task *pipelinev1.Task, given map[string]string) {
	t.Helper()

	if !slices.ContainsFunc(task.Spec.Params, func(s pipelinev1.ParamSpec) bool { return s.Name == p.Name }) {
		t.Errorf("task %s does not know parameter %s", task.GetName(), p.Name)
	}

	value := p.Value.StringVal
	for variable, v := range given {
		value = strings.ReplaceAll(value, variable, v)
	}

	if strings.HasPrefix(value, "{") && !json.Valid([]byte(value)) {
		t.Errorf("parameter %s is not JSON: %s", p.Name, value)
	}
}

// checkAsked makes sure that the tasks whose results a task asks for have them.
func checkAsked(t *testing.T, pt pipelinev1.PipelineTask, tasks []pipelinev1.PipelineTask) {
	t.Helper()

	for _, ref := range pipelinev1.PipelineTaskResultRefs(&pt) {
		i := slices.IndexFunc(tasks, func(of pipelinev1.PipelineTask) bool { return of.Name == ref.PipelineTask })
		if i < 0 || tasks[i].TaskRef == nil {
			t.Errorf("there is no task %s to have results", ref.PipelineTask)

			continue
		}

		task := readTask(t, tasks[i].TaskRef.Name)
		if !slices.ContainsFunc(task.Spec.Results, func(r pipelinev1.TaskResult) bool { return r.Name == ref.Result }) {
			t.Errorf("task %s does not have result %s", task.GetName(), ref.Result)
		}
	}
}

// checkTimeout makes sure that Tekton lets a task wait for as long as it is told to.
func checkTimeout(t *testing.T, pt pipelinev1.PipelineTask, task *pipelinev1.Task) {
	t.Helper()

	const param = "timeout"

	waits := ""

	for _, p := range task.Spec.Params {
		if p.Name == param {
			waits = p.Default.StringVal
		}
	}

	for _, p := range pt.Params {
		if p.Name == param {
			waits = p.Value.StringVal
		}
	}

	if waits == "" {
		return
	}

	d, err := time.ParseDuration(waits)
	if err != nil {
		t.Fatalf("task %s: %v", pt.Name, err)
	}

	if timeoutOf(pt) <= d {
		t.Errorf("task %s waits for %s, and Tekton ends it after %s", pt.Name, d, timeoutOf(pt))
	}
}

// checkTime makes sure that tasks run into their own timeouts before a PipelineRun's ends
// it, which would leave out what is in finally. They run one after the other. Shares of
// tasks and finally are no help: in some versions of Tekton they end all, too.
func checkTime(t *testing.T, pr *pipelinev1.PipelineRun) {
	t.Helper()

	if pr.TasksTimeout() != nil || pr.FinallyTimeout() != nil {
		t.Errorf("want no shares of tasks and finally, got %v", pr.Spec.Timeouts)
	}

	sum := time.Duration(0)
	for _, pt := range append(slices.Clone(pr.Spec.PipelineSpec.Tasks), pr.Spec.PipelineSpec.Finally...) {
		sum += timeoutOf(pt)
	}

	if has := pr.PipelineTimeout(t.Context()); has <= sum {
		t.Errorf("the tasks may take %s, and the PipelineRun has %s for them", sum, has)
	}
}

// timeoutOf is what Tekton gives a task of a pipeline. Nothing that a PipelineRun says of all
// tasks makes it longer.
func timeoutOf(pt pipelinev1.PipelineTask) time.Duration {
	if pt.Timeout == nil {
		return config.DefaultTimeoutMinutes * time.Minute
	}

	return pt.Timeout.Duration
}

// resolved returns the task that Tekton's resolver is told to take from a release: from the
// one that the task of that name, as it is here, is of.
func resolved(t *testing.T, ref *pipelinev1.TaskRef) *pipelinev1.Task {
	t.Helper()

	for _, p := range ref.Params {
		if ref.Resolver != "http" || p.Name != "url" {
			continue
		}

		task := readTask(t, strings.TrimSuffix(filepath.Base(p.Value.StringVal), ".yaml"))
		_, version, _ := strings.Cut(task.Spec.Steps[0].Image, ":")

		if diff := cmp.Diff(releases+version+"/"+task.GetName()+".yaml", p.Value.StringVal); diff != "" {
			t.Errorf("where a task is: -want, +got:\n%s", diff)
		}

		return task
	}

	t.Fatalf("the task is not one of a release: %v", ref)

	return nil
}
