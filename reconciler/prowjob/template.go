package prowjob

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/prow/pkg/kube"
	"sigs.k8s.io/yaml"
)

// Template overrides parts of the pod that runs ci-operator.
type Template struct {
	// patch is the file as it was written, as JSON. The typed form would turn what
	// the file leaves out into zero values, and these would override.
	patch []byte

	// args are ci-operator's flags in it, which are merged one by one.
	args []string
}

// ParseTemplate reads a PodSpec, or part of one, that overrides the default. It is
// merged as `kubectl patch` would: maps by key, containers, volumes and variables by
// name, null removing a field. Of the only container's args, a flag takes the place
// of the default flag of its name, and others are added.
func ParseTemplate(b []byte) (*Template, error) {
	spec := corev1.PodSpec{}
	if err := yaml.UnmarshalStrict(b, &spec); err != nil {
		return nil, errors.Wrap(err, "cannot parse pod template")
	}

	patch, err := yaml.YAMLToJSONStrict(b)
	if err != nil {
		return nil, errors.Wrap(err, "cannot parse pod template")
	}

	if len(patch) == 0 || patch[0] != '{' {
		return nil, errors.New("pod template is empty")
	}

	t := &Template{patch: patch}

	for _, c := range spec.Containers {
		if c.Name != kube.TestContainerName {
			return nil, errors.Errorf("pod template has container %q: the only one that there can be is named %q", c.Name, kube.TestContainerName)
		}

		if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == envConfig }) {
			return nil, errors.Errorf("pod template sets %s, which is another for each cluster", envConfig)
		}

		t.args = c.Args
	}

	for _, arg := range t.args {
		if !strings.HasPrefix(arg, "--") {
			return nil, errors.Errorf("pod template has argument %q: write flags as --name=value", arg)
		}

		if name := flagName(arg); name == flagTarget || name == flagInputHash {
			return nil, errors.Errorf("pod template sets %s, which clients rely on", name)
		}
	}

	return t, nil
}

// apply returns a pod with the template's parts in place of its own.
func (t *Template) apply(spec *corev1.PodSpec) (*corev1.PodSpec, error) {
	if t == nil {
		return spec, nil
	}

	// Prow names the only container of a pod, and containers are merged by name.
	base := spec.DeepCopy()
	base.Containers[0].Name = kube.TestContainerName

	b, err := json.Marshal(base)
	if err != nil {
		return nil, errors.Wrap(err, "cannot encode pod")
	}

	merged, err := strategicpatch.StrategicMergePatch(b, t.patch, corev1.PodSpec{})
	if err != nil {
		return nil, errors.Wrap(err, "cannot apply pod template")
	}

	out := &corev1.PodSpec{}
	if err := json.Unmarshal(merged, out); err != nil {
		return nil, errors.Wrap(err, "cannot decode pod with template applied")
	}

	if len(out.Containers) != 1 {
		return nil, errors.New("pod template removes the container")
	}

	out.Containers[0].Name = ""
	out.Containers[0].Args = mergeArgs(spec.Containers[0].Args, t.args)

	return out, nil
}

// mergeArgs puts flags in the place of those of the same name, and others at the end.
func mergeArgs(defaults, overrides []string) []string {
	merged := slices.Clone(defaults)

	for _, arg := range overrides {
		i := slices.IndexFunc(merged, func(a string) bool { return flagName(a) == flagName(arg) })
		if i < 0 {
			merged = append(merged, arg)

			continue
		}

		merged[i] = arg
	}

	return merged
}

func flagName(arg string) string {
	name, _, _ := strings.Cut(arg, "=")

	return name
}
