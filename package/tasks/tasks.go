// Package tasks makes the Tekton tasks of a checkout those of a release: what they run
// is the very image that was built with them, which no tag can change.
package tasks

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"
)

// extension of manifests.
const extension = ".yaml"

// pattern of the tasks' files in a checkout: one for each version of each task.
const pattern = "tasks/*/*/*" + extension

// A Manifest is that of a task.
type Manifest struct {
	// Name of its file.
	Name string

	// Content is YAML, one document.
	Content []byte
}

// Released returns the tasks of a checkout, in the order of their names. Each of their
// steps must run an image of a repository, and runs the one of the digest, wherever that is
// published.
func Released(root string, of name.Repository, image name.Digest) ([]Manifest, error) {
	files, err := filesOf(root)
	if err != nil {
		return nil, err
	}

	all := make([]Manifest, 0, len(files))
	seen := map[string]string{}

	for _, file := range files {
		task, err := read(file)
		if err != nil {
			return nil, err
		}

		if other, ok := seen[task.GetName()]; ok {
			return nil, errors.Errorf("%s and %s are of one name: a release has one version of a task", other, file)
		}

		seen[task.GetName()] = file

		if err := pin(task, of, image); err != nil {
			return nil, errors.Wrapf(err, "cannot tell what %s runs", file)
		}

		content, err := yaml.Marshal(task)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot write task %s", task.GetName())
		}

		all = append(all, Manifest{Name: task.GetName() + extension, Content: content})
	}

	return all, nil
}

// CheckVersion refuses the tasks of a checkout if one of their steps runs another version of
// what is published than one. Pipelines take tasks from there, too: with the arguments that
// they have and the image that they name, of which only a release makes sure that it is new
// enough.
func CheckVersion(root, version string) error {
	files, err := filesOf(root)
	if err != nil {
		return err
	}

	for _, file := range files {
		task, err := read(file)
		if err != nil {
			return err
		}

		for _, s := range task.Spec.Steps {
			if _, is, _ := strings.Cut(s.Image, ":"); is != version {
				return errors.Errorf("step %s of %s runs %s, and the last release is %s: set that, and write its flags", s.Name, file, s.Image, version)
			}
		}
	}

	return nil
}

func filesOf(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
	if err != nil || len(files) == 0 {
		return nil, errors.Errorf("there are no tasks %s in %s", pattern, root)
	}

	return files, nil
}

// Joined returns all manifests as the documents of one.
func Joined(ms []Manifest) []byte {
	docs := make([][]byte, len(ms))
	for i, m := range ms {
		docs[i] = m.Content
	}

	return bytes.Join(docs, []byte("---\n"))
}

func read(file string) (*pipelinev1.Task, error) {
	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, errors.Wrap(err, "cannot read a task")
	}

	task := &pipelinev1.Task{}
	if err := yaml.UnmarshalStrict(b, task); err != nil {
		return nil, errors.Wrapf(err, "cannot read task %s", file)
	}

	if want := strings.TrimSuffix(filepath.Base(file), extension); task.GetName() != want {
		return nil, errors.Errorf("%s has task %q", file, task.GetName())
	}

	return task, nil
}

// pin makes all steps, which must run images of one repository, run one image.
func pin(task *pipelinev1.Task, of name.Repository, image name.Digest) error {
	if len(task.Spec.Steps) == 0 {
		return errors.New("it has no steps")
	}

	if len(task.Spec.Sidecars) > 0 || task.Spec.StepTemplate != nil {
		return errors.New("only the images of steps are known of, not those of sidecars or of a template")
	}

	for i := range task.Spec.Steps {
		s := &task.Spec.Steps[i]

		ref, err := name.ParseReference(s.Image, name.StrictValidation)
		if err != nil {
			return errors.Wrapf(err, "step %s", s.Name)
		}

		if is, want := ref.Context().Name(), of.Name(); is != want {
			return errors.Errorf("step %s runs an image of %s, not of %s", s.Name, is, want)
		}

		s.Image = image.Name()
	}

	return nil
}
