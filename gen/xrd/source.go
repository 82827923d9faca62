// Package xrd generates the XRDs of TestPlatformCluster from the CRD of
// EphemeralCluster: the one that offers claims, and the one of Crossplane 2's
// namespaced composites.
package xrd

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const kindCRD = "CustomResourceDefinition"

// A Source is what XRDs are generated from.
type Source struct {
	// CRD of EphemeralCluster.
	CRD *extv1.CustomResourceDefinition

	// Digest of the bytes that the CRD was read from.
	Digest string
}

// ParseSource reads the CRD of EphemeralCluster from YAML or JSON, which may hold
// other documents too.
func ParseSource(b []byte) (*Source, error) {
	var found *extv1.CustomResourceDefinition

	for r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(b))); ; {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}

		if err != nil {
			return nil, errors.Wrap(err, "cannot read YAML document")
		}

		crd, err := parseCRD(doc)
		if err != nil {
			return nil, err
		}

		if crd == nil {
			continue
		}

		if found != nil {
			return nil, errors.Errorf("there is more than one CRD of %s", v1.Kind)
		}

		found = crd
	}

	if found == nil {
		return nil, errors.Errorf("there is no CRD of %s in group %q", v1.Kind, v1.Group)
	}

	sum := sha256.Sum256(b)

	return &Source{CRD: found, Digest: "sha256:" + hex.EncodeToString(sum[:])}, nil
}

// parseCRD returns nil for a document that is not the CRD of EphemeralCluster.
func parseCRD(doc []byte) (*extv1.CustomResourceDefinition, error) {
	head := &extv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(doc, &head.TypeMeta); err != nil {
		return nil, errors.Wrap(err, "cannot parse YAML document")
	}

	if head.GroupVersionKind() != extv1.SchemeGroupVersion.WithKind(kindCRD) {
		return nil, nil //nolint:nilnil // Not finding one is not an error here.
	}

	crd := &extv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(doc, crd); err != nil {
		return nil, errors.Wrap(err, "cannot parse CRD")
	}

	if crd.Spec.Group != v1.Group || crd.Spec.Names.Kind != v1.Kind {
		return nil, nil //nolint:nilnil // As above.
	}

	return crd, nil
}
