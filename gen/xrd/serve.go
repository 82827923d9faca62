package xrd

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/crossplane/crossplane-runtime/v2/pkg/xcrd"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

// Serve returns the CRDs that Crossplane serves for an XRD: that of the composite
// and, where the XRD offers it, that of the claim.
func Serve(xrd *xv1.CompositeResourceDefinition) ([]*extv1.CustomResourceDefinition, error) {
	composite, err := xcrd.ForCompositeResource(xrd)
	if err != nil {
		return nil, errors.Wrap(err, "cannot derive CRD of composite")
	}

	if xrd.Spec.ClaimNames == nil {
		return []*extv1.CustomResourceDefinition{composite}, nil
	}

	claim, err := xcrd.ForCompositeResourceClaim(xrd)
	if err != nil {
		return nil, errors.Wrap(err, "cannot derive CRD of claim")
	}

	return []*extv1.CustomResourceDefinition{composite, claim}, nil
}

// Verify returns FieldErrors when there are fields in an XRD's schemas that Crossplane
// would not serve as they are.
func Verify(ctx context.Context, xrd *xv1.CompositeResourceDefinition) error {
	served, err := Serve(xrd)
	if err != nil {
		return err
	}

	bare, err := Serve(withoutFields(xrd))
	if err != nil {
		return err
	}

	var problems FieldErrors

	for i, crd := range served {
		for j, v := range crd.Spec.Versions {
			found, err := compare(xrd.Spec.Versions[j].Schema.OpenAPIV3Schema.Raw, v.Schema.OpenAPIV3Schema, bare[i].Spec.Versions[j].Schema.OpenAPIV3Schema)
			if err != nil {
				return errors.Wrapf(err, "version %q", v.Name)
			}

			for _, p := range found {
				p.Kind = crd.Spec.Names.Kind + " " + v.Name
				problems = append(problems, p)
			}
		}
	}

	if len(problems) > 0 {
		return problems
	}

	for _, crd := range served {
		found, err := validate(ctx, crd)
		if err != nil {
			return err
		}

		problems = append(problems, found...)
	}

	if len(problems) > 0 {
		return problems
	}

	return nil
}

// withoutFields returns an XRD whose CRDs have no fields but Crossplane's own.
func withoutFields(xrd *xv1.CompositeResourceDefinition) *xv1.CompositeResourceDefinition {
	out := xrd.DeepCopy()
	for i := range out.Spec.Versions {
		out.Spec.Versions[i].Schema.OpenAPIV3Schema.Raw = []byte(`{}`)
	}

	return out
}

// compare returns what is wrong with a served schema: whatever differs from the
// wanted one, but for what Crossplane adds to every schema.
func compare(wanted []byte, served, bare *extv1.JSONSchemaProps) ([]FieldError, error) {
	want, err := parseNodes(wanted)
	if err != nil {
		return nil, err
	}

	got, err := schema.Flatten(served)
	if err != nil {
		return nil, err
	}

	own, err := schema.Flatten(bare)
	if err != nil {
		return nil, err
	}

	var problems []FieldError

	clashes := clashing(want, own)
	for _, path := range clashes {
		problems = append(problems, FieldError{Path: path, Reason: "Crossplane has a field of this name, which takes its place"})
	}

	for _, c := range schema.Diff(want, got) {
		said := slices.ContainsFunc(clashes, func(clash string) bool { return schema.Within(c.Path, clash) })
		if !said && !isFrame(c, own) {
			problems = append(problems, FieldError{Path: c.Path, Reason: reason(c)})
		}
	}

	return problems, nil
}

func parseSchema(raw []byte) (*extv1.JSONSchemaProps, error) {
	s := &extv1.JSONSchemaProps{}

	return s, errors.Wrap(json.Unmarshal(raw, s), "cannot unmarshal schema")
}

func parseNodes(raw []byte) (schema.Nodes, error) {
	s, err := parseSchema(raw)
	if err != nil {
		return nil, err
	}

	return schema.Flatten(s)
}

// clashing returns the fields that both schemas have, other than those that hold
// fields of both.
func clashing(want, own schema.Nodes) []string {
	var paths []string

	for path := range want {
		if p := schema.Parent(path); p != propSpec && p != propStatus {
			continue
		}

		if _, ok := own[path]; ok {
			paths = append(paths, path)
		}
	}

	slices.Sort(paths)

	return paths
}

// isFrame reports whether a change is what Crossplane adds to every schema: a field
// of its own, or a limit on names.
func isFrame(c schema.Change, own schema.Nodes) bool {
	if _, ok := own[c.Path]; !ok || c.Old != "" {
		return false
	}

	return c.Keyword == "" || schema.Within(c.Path, propMetadata)
}

func reason(c schema.Change) string {
	switch {
	case c.Keyword == "" && c.New == "":
		return "Crossplane drops it"
	case c.Keyword == "":
		return "Crossplane adds it"
	case c.New == "":
		return fmt.Sprintf("Crossplane drops its %s, %s", c.Keyword, c.Old)
	case c.Old == "":
		return fmt.Sprintf("Crossplane adds %s, %s", c.Keyword, c.New)
	}

	return fmt.Sprintf("Crossplane changes its %s from %s to %s", c.Keyword, c.Old, c.New)
}

// validate asks the API server's own rules whether it would take a CRD.
func validate(ctx context.Context, crd *extv1.CustomResourceDefinition) ([]FieldError, error) {
	scheme := runtime.NewScheme()
	install.Install(scheme)

	in := crd.DeepCopy()
	// They refer to an XRD that has no UID yet.
	in.OwnerReferences = nil
	scheme.Default(in)

	out := &apiextensions.CustomResourceDefinition{}
	if err := scheme.Convert(in, out, nil); err != nil {
		return nil, errors.Wrapf(err, "cannot convert CRD %q", crd.GetName())
	}

	var problems []FieldError
	for _, e := range validation.ValidateCustomResourceDefinition(ctx, out) {
		problems = append(problems, FieldError{
			Kind:   crd.Spec.Names.Kind,
			Path:   e.Field,
			Reason: "the API server refuses it: " + e.ErrorBody(),
		})
	}

	return problems, nil
}
