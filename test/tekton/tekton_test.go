//go:build linux

package tekton

import (
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/reconciler/taskrun/resources"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

func TestImage(t *testing.T) {
	known := Image{Entrypoint: "/bin/true"}
	r := &Runner{Options: Options{Images: map[string]Image{"registry:5000/a/b": known}}}

	cases := map[string]struct {
		reason string
		ref    string
		want   Image
		err    error
	}{
		"Name":    {reason: "A name alone is one.", ref: "registry:5000/a/b", want: known},
		"Tag":     {reason: "A tag is left off,", ref: "registry:5000/a/b:0.1", want: known},
		"Digest":  {reason: "as is a digest.", ref: "registry:5000/a/b:0.1@sha256:00", want: known},
		"Unknown": {reason: "What is not known is not run.", ref: "registry:5000/a/c:0.1", err: cmpopts.AnyError},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := r.image(tc.ref)
			if diff := cmp.Diff(tc.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nimage(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nimage(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestReplacer(t *testing.T) {
	replace := replacer(map[string]string{"/a": "/tmp/1", "/a/b": "/tmp/2"})

	if diff := cmp.Diff("--x=/tmp/2/c --y=/tmp/1/c", replace("--x=/a/b/c --y=/a/c")); diff != "" {
		t.Errorf("The longest path wins: -want, +got:\n%s", diff)
	}
}

// Steps are what Tekton makes of a Task, run as processes, with volumes for directories.
func TestSteps(t *testing.T) {
	r, err := New(Options{Config: &rest.Config{Host: "127.0.0.1:1"}, Images: map[string]Image{"image": {Entrypoint: "/bin/echo"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()

	step := func(s pipelinev1.Step) pipelinev1.Step {
		s.Image = "image"

		return s
	}

	cases := map[string]struct {
		reason string
		spec   pipelinev1.TaskSpec
		tr     pipelinev1.TaskRunSpec
		want   string
		err    string
	}{
		"Entrypoint": {
			reason: "Arguments reach the image's program whole, whatever is in them.",
			spec: pipelinev1.TaskSpec{
				Params: []pipelinev1.ParamSpec{{Name: "p", Type: pipelinev1.ParamTypeString}},
				Steps:  []pipelinev1.Step{step(pipelinev1.Step{Args: []string{"--p=$(params.p)", "$(context.taskRun.name)"}})},
			},
			tr:   pipelinev1.TaskRunSpec{Params: []pipelinev1.Param{{Name: "p", Value: *pipelinev1.NewStructuredValues(`"; $HOME $(params.q) '`)}}},
			want: "--p=\"; $HOME $(params.q) ' run\n",
		},
		"Unbound": {
			reason: "An optional workspace that is not bound has no path.",
			spec: pipelinev1.TaskSpec{
				Workspaces: []pipelinev1.WorkspaceDeclaration{{Name: "w", Optional: true}},
				Steps:      []pipelinev1.Step{step(pipelinev1.Step{Args: []string{"--w=$(workspaces.w.path)"}})},
			},
			want: "--w=\n",
		},
		"Volume": {
			reason: "Steps share volumes, which they name by their mounts' paths.",
			spec: pipelinev1.TaskSpec{
				Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
				Steps: []pipelinev1.Step{
					step(pipelinev1.Step{Script: "echo shared > /mnt/f", VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/mnt"}}}),
					step(pipelinev1.Step{
						Command: []string{"/bin/sh", "-c", `cat "$F"`}, Env: []corev1.EnvVar{{Name: "F", Value: "/mnt/f"}},
						VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/mnt"}},
					}),
				},
			},
			want: "shared\n",
		},
		"Fails": {
			reason: "Nothing runs after a step that fails.",
			spec: pipelinev1.TaskSpec{Steps: []pipelinev1.Step{
				step(pipelinev1.Step{Name: "first", Script: "false\necho never"}),
				step(pipelinev1.Step{Args: []string{"never"}}),
			}},
			err: "step first: exited with code 1",
		},
		"Unknown": {
			reason: "What this runner cannot do is no success.",
			spec:   pipelinev1.TaskSpec{Steps: []pipelinev1.Step{{Name: "first", Image: "other"}}},
			err:    `step first: image "other" is not known`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			task := &task{runner: r, dir: t.TempDir(), run: &pipelinev1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: "run"}, Spec: tc.tr}}

			err := task.live(t.Context(), &resources.ResolvedTask{TaskSpec: &tc.spec})
			if err == nil {
				err = errors.New("")
			}

			if diff := cmp.Diff(tc.err, err.Error()); diff != "" {
				t.Errorf("%s\nlive(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want, task.log()); diff != "" {
				t.Errorf("%s\nlog: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// Results are read where Tekton lets steps write them.
func TestResults(t *testing.T) {
	r, err := New(Options{Config: &rest.Config{Host: "127.0.0.1:1"}, Images: map[string]Image{"image": {}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()

	task := &task{runner: r, dir: t.TempDir(), run: &pipelinev1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: "run"}}}
	spec := &pipelinev1.TaskSpec{
		Results: []pipelinev1.TaskResult{{Name: "a"}, {Name: "b"}},
		Steps:   []pipelinev1.Step{{Image: "image", Script: "printf 1 > $(results.a.path)"}},
	}

	if err := task.live(t.Context(), &resources.ResolvedTask{TaskSpec: spec}); err != nil {
		t.Fatal(err)
	}

	got, err := task.results(spec)
	if err != nil {
		t.Fatal(err)
	}

	want := []pipelinev1.TaskRunResult{{Name: "a", Type: pipelinev1.ResultsTypeString, Value: *pipelinev1.NewStructuredValues("1")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results: -want, +got:\n%s", diff)
	}
}
