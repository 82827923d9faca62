package drift

import (
	"maps"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

const (
	nodeSpec   = "spec"
	nodeStatus = "status"
)

// Compare compares the CRD of EphemeralCluster with an XRD of TestPlatformCluster and,
// unless it is nil, with the CRD that Crossplane serves for that. Versions maps the
// CRD's versions to the XRD's; one that is not mapped keeps its name.
//
// A version that one side does not serve is an error beside the findings of the
// others.
func Compare(crd *extv1.CustomResourceDefinition, x *xv1.CompositeResourceDefinition, served *extv1.CustomResourceDefinition, versions map[string]string) ([]Finding, error) {
	asked := rename(xrd.Asked(crd), versions)

	offered, err := xrd.Offered(x)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot tell what Crossplane serves for XRD %q", x.GetName())
	}

	found, err := compareAll(asked, offered, XRD)
	if served == nil {
		return found, err
	}

	live, lerr := xrd.OfferedBy(x, served)
	if lerr != nil {
		return found, errors.Join(err, lerr)
	}

	more, lerr := compareAll(asked, live, CRD)

	// What the XRD has too is said of the XRD alone.
	for _, f := range more {
		same := f
		same.Definition = XRD

		if !slices.Contains(found, same) {
			found = append(found, f)
		}
	}

	sortFindings(found)

	return found, errors.Join(err, errors.Wrap(lerr, "in the CRD that Crossplane serves"))
}

func rename(schemas map[string]*extv1.JSONSchemaProps, names map[string]string) map[string]*extv1.JSONSchemaProps {
	out := map[string]*extv1.JSONSchemaProps{}

	for v, s := range schemas {
		if name, ok := names[v]; ok {
			v = name
		}

		out[v] = s
	}

	return out
}

func compareAll(asked, offered map[string]*extv1.JSONSchemaProps, d Definition) ([]Finding, error) {
	var (
		found []Finding
		errs  []error
	)

	for _, v := range slices.Sorted(maps.Keys(asked)) {
		o, ok := offered[v]
		if !ok {
			errs = append(errs, errors.Errorf("version %q is not served by the Konflux cluster", v))

			continue
		}

		f, err := compareVersion(v, asked[v], o, d)
		if err != nil {
			errs = append(errs, errors.Wrapf(err, "version %q", v))
		}

		found = append(found, f...)
	}

	for _, v := range slices.Sorted(maps.Keys(offered)) {
		if _, ok := asked[v]; !ok {
			errs = append(errs, errors.Errorf("version %q is not served by app.ci", v))
		}
	}

	sortFindings(found)

	return found, errors.Join(errs...)
}

func compareVersion(version string, asked, offered *extv1.JSONSchemaProps, d Definition) ([]Finding, error) {
	crd, err := schema.Flatten(asked)
	if err != nil {
		return nil, err
	}

	x, err := schema.Flatten(offered)
	if err != nil {
		return nil, err
	}

	var found []Finding

	// What app.ci takes, or reports, and the Konflux cluster does not.
	for _, n := range schema.Narrow(crd, x) {
		f := newFinding(version, Konflux, d, n)

		// The Konflux cluster's default comes first, so that app.ci's is only used
		// where there is no other.
		if n.Kind == schema.Defaulted {
			f.Breaking = n.New != ""
		}

		found = append(found, f)
	}

	// What the Konflux cluster takes and app.ci does not. Nothing flows back from a
	// tenant's status, and of a default it was said above.
	for _, n := range schema.Narrow(x, crd) {
		if n.Kind != schema.Defaulted && !schema.Within(n.Path, nodeStatus) {
			found = append(found, newFinding(version, AppCI, d, n))
		}
	}

	return found, nil
}
