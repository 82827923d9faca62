package together

import (
	"fmt"
	"maps"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/apiset"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

// API returns where an environment's XRD takes what the CRD on app.ci would lose or
// refuse, and where a set of definitions names things otherwise than they are
// generated.
func API(f *environments.File, set func(digest string) (*apiset.Set, error)) ([]string, error) {
	onAppCI, err := set(f.AppCI.Versions.API)
	if err != nil {
		return nil, errors.Wrap(err, "appCI.versions.api")
	}

	crd, err := onAppCI.CRD()
	if err != nil {
		return nil, errors.Wrap(err, "appCI.versions.api")
	}

	asked := byXRDVersion(xrd.Asked(crd))

	var problems []string

	for _, at := range inUse(f) {
		s, err := set(at.digest)
		if err != nil {
			return nil, errors.Wrap(err, at.place)
		}

		x, err := s.XRD(at.mode)
		if err != nil {
			return nil, errors.Wrap(err, at.place)
		}

		more, err := lost(asked, x)
		if err != nil {
			return nil, errors.Wrap(err, at.place)
		}

		for _, m := range more {
			problems = append(problems, at.place+": its XRD "+m+": a CRD is widened before XRDs, and narrowed after them")
		}

		more, err = names(s, x, at.mode)
		if err != nil {
			return nil, errors.Wrap(err, at.place)
		}

		for _, m := range more {
			problems = append(problems, at.place+": "+m)
		}
	}

	return problems, nil
}

// byXRDVersion calls a CRD's versions what the XRDs' are called.
func byXRDVersion(asked map[string]*extv1.JSONSchemaProps) map[string]*extv1.JSONSchemaProps {
	out := maps.Clone(asked)
	delete(out, v1.Version)
	out[v1alpha1.Version] = asked[v1.Version]

	return out
}

// lost returns what an XRD takes, in any version, that the CRD does not.
func lost(asked map[string]*extv1.JSONSchemaProps, x *xv1.CompositeResourceDefinition) ([]string, error) {
	offered, err := xrd.Offered(x)
	if err != nil {
		return nil, err
	}

	var out []string

	for _, version := range slices.Sorted(maps.Keys(offered)) {
		if asked[version] == nil {
			out = append(out, fmt.Sprintf("serves version %s, which the CRD of appCI.versions.api does not", version))

			continue
		}

		narrower, err := schema.Flatten(asked[version])
		if err != nil {
			return nil, errors.Wrap(err, "appCI.versions.api")
		}

		wider, err := schema.Flatten(offered[version])
		if err != nil {
			return nil, err
		}

		for _, n := range schema.Narrow(wider, narrower) {
			if n.Kind != schema.Defaulted && schema.Within(n.Path, "spec") {
				out = append(out, fmt.Sprintf("takes what the CRD of appCI.versions.api does not: %s %s", version, n))
			}
		}
	}

	return out, nil
}

// A use is a set of definitions in one API mode, and the first place that asks for it.
type use struct {
	place  string
	digest string
	mode   environments.Mode
}

func inUse(f *environments.File) []use {
	var uses []use

	add := func(place, digest string, mode environments.Mode) {
		if !slices.ContainsFunc(uses, func(u use) bool { return u.digest == digest && u.mode == mode }) {
			uses = append(uses, use{place, digest, mode})
		}
	}

	for _, e := range f.Environments {
		add(fmt.Sprintf("environments[%s].versions.api", e.Name), e.Versions.API, e.API)

		for _, c := range e.Clusters {
			add(fmt.Sprintf("environments[%s].clusters[%s].versions.api", e.Name, c.Name), c.Versions.API, c.API)
		}
	}

	return uses
}

// names returns what a set refers to by another name than it is generated under.
func names(s *apiset.Set, x *xv1.CompositeResourceDefinition, mode environments.Mode) ([]string, error) {
	c, err := s.Composition(mode)
	if err != nil {
		return nil, err
	}

	if len(c.Spec.Pipeline) != 1 || x.Spec.EnforcedCompositionRef == nil {
		return []string{"the Composition has not one step, or the XRD does not name it"}, nil
	}

	step := c.Spec.Pipeline[0]
	pairs := map[string]struct{ is, want string }{
		"the function that the Composition calls":    {step.FunctionRef.Name, v1alpha1.FunctionName},
		"the Composition that the XRD asks for":      {x.Spec.EnforcedCompositionRef.Name, c.Name},
		"the Composition that namespaces are set in": {c.Name, konflux.CompositionName(mode)},
		"the kind that the Composition is for":       {c.Spec.CompositeTypeRef.Kind, x.Spec.Names.Kind},
		"the version that the Composition is for":    {c.Spec.CompositeTypeRef.APIVersion, referenceable(x)},
	}

	if step.Requirements != nil {
		for _, r := range step.Requirements.RequiredResources {
			if r.Name != nil {
				pairs["the EnvironmentConfig that the Composition asks for"] = struct{ is, want string }{*r.Name, v1alpha1.EnvironmentConfigName}
			}
		}
	}

	if ns := c.Spec.WriteConnectionSecretsToNamespace; ns != nil {
		pairs["the namespace of connection Secrets"] = struct{ is, want string }{*ns, v1alpha1.ConnectionSecretNamespace}
	}

	var problems []string

	for _, what := range slices.Sorted(maps.Keys(pairs)) {
		if p := pairs[what]; p.is != p.want {
			problems = append(problems, fmt.Sprintf("%s is %q, but %q is what is generated: change both", what, p.is, p.want))
		}
	}

	return problems, nil
}

// referenceable is the version that composites are stored in, which is the one that a
// Composition can be for.
func referenceable(x *xv1.CompositeResourceDefinition) string {
	for _, v := range x.Spec.Versions {
		if v.Referenceable {
			return x.Spec.Group + "/" + v.Name
		}
	}

	return ""
}
