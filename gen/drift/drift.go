// Package drift compares the live CRD of EphemeralCluster on app.ci with what a live
// Konflux cluster lets tenants ask for.
//
// The XRD is compared as Crossplane serves it, without Crossplane's own fields. So is the
// CRD that Crossplane serves for it: as long as that is not there, or does not follow the
// XRD, because Crossplane refused the change or is down, the XRD is not what tenants get.
package drift

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/live"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

const (
	// crdName is the name of the CRD of EphemeralCluster.
	crdName = "ephemeralclusters." + v1.Group

	// claims and namespaced are the names of the two XRDs. A Konflux cluster has one.
	claims     = v1alpha1.CompositePlural + "." + v1alpha1.Group
	namespaced = v1alpha1.Plural + "." + v1alpha1.Group

	interval = time.Second
)

// Options of the comparison.
type Options struct {
	// Versions maps the CRD's versions to the XRD's. One that is not mapped keeps its
	// name.
	Versions map[string]string

	// XRD is the name of the one to compare with; where empty, the one there is.
	XRD string

	// Settle is how long Crossplane is given to serve an XRD that has just changed.
	Settle time.Duration
}

// A Report is what a comparison found.
type Report struct {
	// XRD that was compared with.
	XRD string

	Findings []Finding
}

// Run compares what is live. The report is not nil where an error is about a part
// only.
func Run(ctx context.Context, appCI, konflux dynamic.Interface, o Options) (*Report, error) {
	report, err := run(ctx, appCI, konflux, o)
	if !report.unsettled() {
		return report, err
	}

	// That the time is up is no error: then what there is what was found.
	_ = wait.PollUntilContextTimeout(ctx, interval, o.Settle, false, func(ctx context.Context) (bool, error) {
		if r, rerr := run(ctx, appCI, konflux, o); r != nil && ctx.Err() == nil {
			report, err = r, rerr
		}

		return !report.unsettled(), nil
	})

	return report, err
}

func (r *Report) unsettled() bool {
	return r != nil && slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Definition == CRD })
}

func run(ctx context.Context, appCI, konflux dynamic.Interface, o Options) (*Report, error) {
	b, err := live.Definition(ctx, appCI, live.CRDs(), crdName)
	if err != nil {
		return nil, errors.Wrap(err, "app.ci")
	}

	src, err := xrd.ParseSource(b)
	if err != nil {
		return nil, errors.Wrap(err, "app.ci")
	}

	x, err := getXRD(ctx, konflux, o.XRD)
	if err != nil {
		return nil, errors.Wrap(err, "Konflux cluster")
	}

	report := &Report{XRD: x.GetName()}

	// What the XRD alone says is worth telling, but is not all.
	served, serr := getServed(ctx, konflux, x)

	report.Findings, err = Compare(src.CRD, x, served, o.Versions)

	return report, errors.Join(errors.Wrap(serr, "Konflux cluster"), err)
}

// getXRD gets the XRD of a name or, without one, the one of the two that there is.
func getXRD(ctx context.Context, c dynamic.Interface, name string) (*xv1.CompositeResourceDefinition, error) {
	names := []string{claims, namespaced}
	if name != "" {
		names = []string{name}
	}

	var found []*xv1.CompositeResourceDefinition

	for _, name := range names {
		b, err := live.Definition(ctx, c, live.XRDs(), name)
		if kerrors.IsNotFound(err) {
			continue
		}

		if err != nil {
			return nil, err
		}

		x := &xv1.CompositeResourceDefinition{}
		if err := yaml.Unmarshal(b, x); err != nil {
			return nil, errors.Wrapf(err, "cannot parse XRD %q", name)
		}

		found = append(found, x)
	}

	switch len(found) {
	case 0:
		return nil, errors.Errorf("there is no XRD %s", strings.Join(names, " and no XRD "))
	case 1:
		return found[0], nil
	}

	return nil, errors.Errorf("there are two XRDs, %s: name one with --xrd", strings.Join(names, " and "))
}

// getServed gets the CRD that Crossplane serves to tenants for an XRD.
func getServed(ctx context.Context, c dynamic.Interface, x *xv1.CompositeResourceDefinition) (*extv1.CustomResourceDefinition, error) {
	plural := x.Spec.Names.Plural
	if x.Spec.ClaimNames != nil {
		plural = x.Spec.ClaimNames.Plural
	}

	name := plural + "." + x.Spec.Group

	b, err := live.Definition(ctx, c, live.CRDs(), name)
	if kerrors.IsNotFound(err) {
		return nil, errors.Errorf("Crossplane does not serve XRD %q: there is no CRD %q", x.GetName(), name)
	}

	if err != nil {
		return nil, errors.Wrapf(err, "whether Crossplane serves XRD %q as it is", x.GetName())
	}

	crd := &extv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(b, crd); err != nil {
		return nil, errors.Wrapf(err, "cannot parse CRD %q", name)
	}

	return crd, nil
}
