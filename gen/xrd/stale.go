package xrd

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

const keywordValue = "value"

// Stale says, field by field, how a file's content differs from what is generated
// now, and which of the differences would break requests that are valid today. It
// says nothing when they are the same.
func Stale(have, want []byte) ([]string, error) {
	if bytes.Equal(have, want) {
		return nil, nil
	}

	old, err := parseXRD(have)
	if err != nil {
		return []string{err.Error()}, nil //nolint:nilerr // A file that is no XRD is a stale one.
	}

	cur, err := parseXRD(want)
	if err != nil {
		return nil, err
	}

	var lines []string
	for _, c := range schema.Diff(old.fields, cur.fields) {
		lines = append(lines, c.String())
	}

	for _, v := range cur.versions {
		was, ok := old.schemas[v]
		if !ok {
			continue
		}

		for _, c := range schema.Compare(was, cur.schemas[v]) {
			lines = append(lines, v+" "+c.String())
		}
	}

	if len(lines) == 0 {
		lines = append(lines, firstLine(have, want))
	}

	return lines, nil
}

func parseXRD(b []byte) (*definition, error) {
	xrd := &xv1.CompositeResourceDefinition{}
	if err := yaml.Unmarshal(b, xrd); err != nil {
		return nil, errors.Wrap(err, "cannot parse XRD")
	}

	out := newDefinition()

	for i, v := range xrd.Spec.Versions {
		if v.Schema == nil {
			continue
		}

		s, err := parseSchema(v.Schema.OpenAPIV3Schema.Raw)
		if err != nil {
			return nil, errors.Wrapf(err, "version %q", v.Name)
		}

		if err := out.addVersion(v.Name, s); err != nil {
			return nil, err
		}

		xrd.Spec.Versions[i].Schema = nil
	}

	if err := out.addRest(xrd); err != nil {
		return nil, err
	}

	return out, nil
}

func firstLine(have, want []byte) string {
	a, b := strings.Split(string(have), "\n"), strings.Split(string(want), "\n")

	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, should be %q", i+1, a[i], b[i])
		}
	}

	return fmt.Sprintf("has %d lines, should have %d", len(a), len(b))
}
