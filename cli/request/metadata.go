package request

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// Owners are Tekton's.
const (
	ownerVersion    = "tekton.dev/v1"
	kindPipelineRun = "PipelineRun"
	kindTaskRun     = "TaskRun"
)

func (r *Request) setMetadata(p Params, namespace string) UsageErrors {
	var problems UsageErrors

	if m := r.get("metadata"); m == nil {
		r.set(source{path: served.Path{"metadata"}}, map[string]any{})
	} else if _, ok := m.(map[string]any); !ok {
		return UsageErrors{r.problem(served.Path{"metadata"}, "must be an object")}
	}

	if p.Name != "" {
		r.set(source{flag: flagName, path: served.Path{"metadata", "name"}}, p.Name)
	}

	problems = append(problems, r.checkName()...)

	if ns := r.Object.GetNamespace(); ns != "" && namespace != "" && ns != namespace {
		problems = append(problems, r.problem(served.Path{"metadata", "namespace"}, fmt.Sprintf("is %q, and --namespace, or the kubeconfig, says %q", ns, namespace)))
	}

	r.Object.SetNamespace(namespace)

	for _, a := range []struct{ flag, key, value string }{
		{flagPipelineRun, v1.AnnotationPipelineRunName, p.PipelineRunName},
		{flagTaskRun, v1.AnnotationTaskRunName, p.TaskRunName},
	} {
		if a.value == "" {
			continue
		}

		if wrong := WrongName(a.value); wrong != "" {
			problems = append(problems, Problem{Flags: a.flag, Text: wrong})
		}

		r.set(source{flag: a.flag, path: served.Path{"metadata", "annotations", a.key}}, a.value)
	}

	return append(problems, r.setOwner(p)...)
}

// checkName refuses what the API server would refuse, and what could not be the
// label of a ProwJob.
func (r *Request) checkName() UsageErrors {
	path := served.Path{"metadata", "name"}
	name := r.Object.GetName()

	switch {
	case name == "":
		return Usage(flagName, "is required")
	case len(name) > validation.LabelValueMaxLength:
		return UsageErrors{r.problem(path, fmt.Sprintf("is too long: it has %d characters, and may have %d", len(name), validation.LabelValueMaxLength))}
	}

	if wrong := WrongName(name); wrong != "" {
		return UsageErrors{r.problem(path, wrong)}
	}

	return nil
}

// setOwner sets an owner that does not control, and whose deletion does not wait:
// that would take rights on the owner. A PipelineRun names the job, too, unless another
// is named.
func (r *Request) setOwner(p Params) UsageErrors {
	if p.Owner == "" {
		return nil
	}

	parts := strings.Split(p.Owner, "/")
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return Usage(flagOwner, "must be KIND/NAME/UID, such as PipelineRun/my-run/7c1d9e2b-5f80-4a6e-9b3d-2e1f0a9c8b7d")
	}

	if parts[0] != kindPipelineRun && parts[0] != kindTaskRun {
		return Usage(flagOwner, fmt.Sprintf("must be a PipelineRun or a TaskRun, not a %q", parts[0]))
	}

	if wrong := WrongName(parts[1]); wrong != "" {
		return Usage(flagOwner, wrong)
	}

	r.Object.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: ownerVersion,
		Kind:       parts[0],
		Name:       parts[1],
		UID:        types.UID(parts[2]),
	}})
	r.sources = append(r.sources, source{flag: flagOwner, path: served.Path{"metadata", "ownerReferences"}})

	if parts[0] == kindPipelineRun && p.PipelineRunName == "" {
		r.set(source{flag: flagOwner, path: served.Path{"metadata", "annotations", v1.AnnotationPipelineRunName}}, parts[1])
	}

	return nil
}

// Owners are those that the cluster is to live as long as.
func (r *Request) Owners() []metav1.OwnerReference { return r.Object.GetOwnerReferences() }

// SecretProblem says what is wrong with the name of the Secret.
func (r *Request) SecretProblem(what string) UsageErrors {
	p := r.problem(served.Path{"spec", "writeConnectionSecretToRef", "name"}, what)
	if p.Flags == "" {
		return Usage(flagSecretName, what)
	}

	return UsageErrors{p}
}

func (r *Request) setSecretName(p Params) UsageErrors {
	path := served.Path{"spec", "writeConnectionSecretToRef", "name"}

	if p.SecretName != "" {
		r.set(source{flag: flagSecretName, path: path}, p.SecretName)
	} else if r.get(path...) == nil && r.Object.GetName() != "" {
		r.set(source{}.at(path), r.Object.GetName()+"-secret")
	}

	name, ok := r.get(path...).(string)
	if !ok {
		return nil
	}

	wrong := WrongName(name)
	// A bad name of the cluster, which the Secret's is made of, is told already.
	if wrong == "" || r.explain(path).flag == "" {
		return nil
	}

	return UsageErrors{r.problem(path, wrong)}
}

// WrongName says why something cannot be the name of an object, or nothing if it can.
func WrongName(name string) string {
	switch {
	case len(validation.IsDNS1123Subdomain(name)) == 0:
		return ""
	case len(name) > validation.DNS1123SubdomainMaxLength:
		return fmt.Sprintf("is too long: it has %d characters, and may have %d", len(name), validation.DNS1123SubdomainMaxLength)
	}

	return fmt.Sprintf(`%q is not a name: it must have lower case letters, digits, "-" and "." only, and begin and end with a letter or digit`, name)
}

func (s source) at(path served.Path) source {
	s.path = path

	return s
}
