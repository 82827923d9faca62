package manifest

import (
	"path"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// KustomizationFile is the name of a kustomization's file.
const KustomizationFile = "kustomization.yaml"

// A Kustomization has the fields of kustomize's own that are used here.
type Kustomization struct {
	metav1.TypeMeta `json:",inline"`

	Resources  []string `json:"resources"`
	Components []string `json:"components,omitempty"`
	Patches    []Patch  `json:"patches,omitempty"`
}

// A Patch changes one object of a kustomization.
type Patch struct {
	Patch  string `json:"patch"`
	Target Target `json:"target"`
}

// A Target selects an object.
type Target struct {
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
}

// An Operation is one step of a JSON patch.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// NewPatch returns a patch of operations.
func NewPatch(target Target, ops ...Operation) (Patch, error) {
	b, err := yaml.Marshal(ops)

	return Patch{Patch: string(b), Target: target}, errors.Wrap(err, "cannot marshal patch")
}

// NewDeletion returns a patch that leaves an object out. The target selects it, whatever
// version the patch says, which must say one.
func NewDeletion(t Target) (Patch, error) {
	b, err := yaml.Marshal(map[string]any{
		"$patch": "delete", "apiVersion": t.Group + "/v1", "kind": t.Kind, "metadata": map[string]string{"name": t.Name},
	})

	return Patch{Patch: string(b), Target: t}, errors.Wrap(err, "cannot marshal patch")
}

// Component returns the component of a directory: resources and patches that a
// kustomization elsewhere takes in.
func Component(dir string, resources []string, patches ...Patch) (File, error) {
	return Objects(path.Join(dir, KustomizationFile), Kustomization{
		TypeMeta:  metav1.TypeMeta{APIVersion: "kustomize.config.k8s.io/v1alpha1", Kind: "Component"},
		Resources: resources,
		Patches:   patches,
	})
}

// Kustomize returns the kustomization of a directory.
func Kustomize(dir string, resources []string, patches ...Patch) (File, error) {
	return Objects(path.Join(dir, KustomizationFile), Kustomization{
		TypeMeta:  metav1.TypeMeta{APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization"},
		Resources: resources,
		Patches:   patches,
	})
}

// Names returns the names of files as a kustomization beside them says them.
func Names(files []File) []string {
	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, path.Base(f.Path))
	}

	return names
}
