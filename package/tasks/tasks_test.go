package tasks

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"
)

const (
	root   = "../.."
	digest = "registry.example/my-org/tpc@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// repository is where the images are that tasks of a checkout run.
func repository(t *testing.T) name.Repository {
	t.Helper()

	r, err := name.NewRepository("quay.io/ephemeral-clusters/tpc", name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}

	return r
}

func parse(t *testing.T, content []byte) *pipelinev1.Task {
	t.Helper()

	task := &pipelinev1.Task{}
	if err := yaml.UnmarshalStrict(content, task); err != nil {
		t.Fatal(err)
	}

	return task
}

// The tasks of a release are those of the checkout, but for the image.
func TestReleased(t *testing.T) {
	image, err := name.NewDigest(digest, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}

	ms, err := Released(root, repository(t), image)
	if err != nil {
		t.Fatal(err)
	}

	got := map[string]*pipelinev1.Task{}

	for _, m := range ms {
		got[m.Name] = parse(t, m.Content)
	}

	want := map[string]*pipelinev1.Task{}

	for _, task := range []string{"copy-secrets-to-ephemeral-cluster", "deprovision-ephemeral-cluster", "provision-ephemeral-cluster"} {
		b, err := os.ReadFile(filepath.Join(root, "tasks", task, "0.1", task+".yaml"))
		if err != nil {
			t.Fatal(err)
		}

		want[task+".yaml"] = parse(t, b)
		want[task+".yaml"].Spec.Steps[0].Image = digest
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Released(...): -want, +got:\n%s", diff)
	}

	for name, task := range got {
		task.SetDefaults(t.Context())

		if err := task.Validate(t.Context()); err != nil {
			t.Errorf("Tekton does not take %s: %v", name, err)
		}
	}

	docs := strings.Split(string(Joined(ms)), "\n---\n")
	names := make([]string, len(docs))

	for i, doc := range docs {
		names[i] = parse(t, []byte(doc)).GetName() + ".yaml"
	}

	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), names); diff != "" {
		t.Errorf("Joined(...): -want, +got:\n%s", diff)
	}
}

func TestReleasedRefuses(t *testing.T) {
	const task = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: a}\nspec:\n  steps:\n  - {name: run, image: IMAGE}\n"

	of := func(image string) string { return strings.ReplaceAll(task, "IMAGE", image) }

	const ours = "quay.io/ephemeral-clusters/tpc:v0.1.0"

	cases := map[string]struct {
		reason string
		files  map[string]string
		want   string
	}{
		"None": {
			reason: "A release without tasks is none.",
			want:   "there are no tasks tasks/*/*/*.yaml in ROOT",
		},
		"Unknown": {
			reason: "A field that Tekton does not know would be lost.",
			files:  map[string]string{"tasks/a/0.1/a.yaml": of(ours) + "spce: {}\n"},
			want:   `cannot read task ROOT/tasks/a/0.1/a.yaml: error unmarshaling JSON: while decoding JSON: json: unknown field "spce"`,
		},
		"OtherName": {
			reason: "A file is found by the task's name.",
			files:  map[string]string{"tasks/a/0.1/b.yaml": of(ours)},
			want:   `ROOT/tasks/a/0.1/b.yaml has task "a"`,
		},
		"TwoVersions": {
			reason: "One would replace the other.",
			files:  map[string]string{"tasks/a/0.1/a.yaml": of(ours), "tasks/a/0.2/a.yaml": of(ours)},
			want:   "ROOT/tasks/a/0.1/a.yaml and ROOT/tasks/a/0.2/a.yaml are of one name: a release has one version of a task",
		},
		"OtherImage": {
			reason: "What is not of the release is not known by its digest.",
			files:  map[string]string{"tasks/a/0.1/a.yaml": of("quay.io/other/tpc:v0.1.0")},
			want:   "cannot tell what ROOT/tasks/a/0.1/a.yaml runs: step run runs an image of quay.io/other/tpc, not of quay.io/ephemeral-clusters/tpc",
		},
		"NoImage": {
			reason: "What is no image's name is not replaced by one.",
			files:  map[string]string{"tasks/a/0.1/a.yaml": of("A:b:c")},
			want:   "cannot tell what ROOT/tasks/a/0.1/a.yaml runs: step run: could not parse reference: A:b:c",
		},
		"NoSteps": {
			reason: "A task that runs nothing is no task.",
			files:  map[string]string{"tasks/a/0.1/a.yaml": "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: a}\n"},
			want:   "cannot tell what ROOT/tasks/a/0.1/a.yaml runs: it has no steps",
		},
		"Sidecar": {
			reason: "An image that is not looked at would keep its tag.",
			files:  map[string]string{"tasks/a/0.1/a.yaml": of(ours) + "  sidecars:\n  - {name: s, image: " + ours + "}\n"},
			want:   "cannot tell what ROOT/tasks/a/0.1/a.yaml runs: only the images of steps are known of, not those of sidecars or of a template",
		},
	}

	image, err := name.NewDigest(digest, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()

			for file, content := range tc.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
					t.Fatal(err)
				}

				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			got := ""
			if _, err := Released(dir, repository(t), image); err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "ROOT")
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nReleased(...): -want error, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCheckVersion(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "tasks", "deprovision-ephemeral-cluster", "0.1", "deprovision-ephemeral-cluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	_, version, _ := strings.Cut(parse(t, b).Spec.Steps[0].Image, ":")

	if err := CheckVersion(root, version); err != nil {
		t.Errorf("Tasks of the sources run one release.\nCheckVersion(...): %v", err)
	}

	if err := CheckVersion(root, version+".1"); err == nil {
		t.Error("CheckVersion(...): want an error where tasks run another")
	}

	if err := CheckVersion(t.TempDir(), version); err == nil {
		t.Error("CheckVersion(...): want an error where there are no tasks")
	}
}
