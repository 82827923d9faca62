package request

import (
	"io"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// A Request is an object that asks for a cluster, and knows which flags made it.
type Request struct {
	// Object is what to create.
	Object *unstructured.Unstructured

	sources []source

	// unread are the paths of fields whose flags cannot be read.
	unread map[string]bool
}

// A source is what one flag has set.
type source struct {
	flag string
	path served.Path
	text *text
}

// New makes a request for a namespace, and says what of the command line it cannot be
// made of. Even so there is a request, for Check to tell the rest.
func New(p Params, namespace string, in io.Reader) (*Request, UsageErrors) {
	r := &Request{Object: &unstructured.Unstructured{Object: map[string]any{}}, unread: map[string]bool{}}

	problems := r.start(p, in)
	problems = append(problems, r.setParameters(p, in)...)
	problems = append(problems, r.setEnv(p)...)
	problems = append(problems, r.setMetadata(p, namespace)...)

	return r, append(problems, r.setSecretName(p)...)
}

// start reads the manifest to start from, if any.
func (r *Request) start(p Params, in io.Reader) UsageErrors {
	wrong := func(err error) UsageErrors { return Usage(flagFilename, err.Error()) }

	if p.Filename == "" {
		r.set(source{path: served.Path{"spec", "ciOperator"}}, map[string]any{"buildRoot": DefaultBuildRoot()})
		r.identify()

		return nil
	}

	t, err := file(p.Filename, in)
	if err != nil {
		return wrong(err)
	}

	v, err := t.parse()
	if err != nil {
		return wrong(err)
	}

	object, ok := v.(map[string]any)
	if !ok {
		return Usage(flagFilename, "must be the manifest of a "+v1alpha1.Kind)
	}

	withoutBookkeeping(object)

	r.Object.Object = object
	r.sources = append(r.sources, source{flag: flagFilename, text: t})

	if r.Object.GetAPIVersion() != v1alpha1.Group+"/"+v1alpha1.Version || r.Object.GetKind() != v1alpha1.Kind {
		r.identify()

		return UsageErrors{r.problem(served.Path{"kind"}, "must be "+v1alpha1.Kind+", of apiVersion "+v1alpha1.Group+"/"+v1alpha1.Version)}
	}

	return nil
}

func (r *Request) identify() {
	r.Object.SetAPIVersion(v1alpha1.Group + "/" + v1alpha1.Version)
	r.Object.SetKind(v1alpha1.Kind)
}

// setParameters sets what is below spec.ciOperator.
func (r *Request) setParameters(p Params, in io.Reader) UsageErrors {
	var problems UsageErrors

	for _, f := range p.parameters() {
		v, t, err := f.value(in)
		if err != nil {
			problems = append(problems, Problem{Flags: f.flag, Text: err.Error()})
			r.unread[f.path.String()] = true

			continue
		}

		if !empty(v) {
			r.set(source{flag: f.flag, path: f.path, text: t}, v)
		}
	}

	return problems
}

func (f parameter) value(in io.Reader) (any, *text, error) {
	if !f.structured || f.text == "" {
		return f.text, nil, nil
	}

	t, err := inline(f.text, in)
	if err != nil {
		return nil, nil, err
	}

	v, err := t.parse()

	return v, t, err
}

// empty values say that nothing is wanted: pipelines pass every parameter.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	}

	return false
}

// setEnv lets the files win over what else says a parameter.
func (r *Request) setEnv(p Params) UsageErrors {
	if p.EnvFrom == "" {
		return nil
	}

	files, err := envFrom(p.EnvFrom)
	if err != nil {
		return Usage(flagEnvFrom, err.Error())
	}

	path := served.Path{"spec", "ciOperator", "test", "env"}

	// What is no object is the schema's to refuse.
	if _, ok := r.get(path...).(map[string]any); !ok && r.get(path...) != nil {
		return nil
	}

	for name, value := range maps.All(files) {
		r.set(source{flag: flagEnvFrom, path: append(slices.Clip(path), name)}, value)
	}

	return nil
}

// set sets a field. One that is below something else than an object is not set: the
// schema refuses that.
func (r *Request) set(s source, value any) {
	if unstructured.SetNestedField(r.Object.Object, value, s.path...) == nil && s.flag != "" {
		r.sources = append(r.sources, s)
	}
}

func (r *Request) get(path ...string) any {
	v, _, err := unstructured.NestedFieldNoCopy(r.Object.Object, path...)
	if err != nil {
		return nil
	}

	return v
}
