package drift

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

// A Cluster is one of the two that are compared.
type Cluster string

// The two clusters.
const (
	Konflux Cluster = "konflux"
	AppCI   Cluster = "app.ci"
)

func (c Cluster) other() Cluster {
	if c == AppCI {
		return Konflux
	}

	return AppCI
}

// String is how a sentence names the cluster.
func (c Cluster) String() string {
	if c == Konflux {
		return "the Konflux cluster"
	}

	return string(c)
}

// A Definition is where a Konflux cluster says what a tenant may ask for.
type Definition string

const (
	// XRD is what Crossplane is to serve.
	XRD Definition = "XRD"

	// CRD is what Crossplane does serve, where that is not what the XRD says.
	CRD Definition = "CRD"
)

// A Finding is one way in which what a tenant asks for on a Konflux cluster is not
// what app.ci gets, or what app.ci reports is not what the tenant sees. Its JSON is
// an interface to other programs.
type Finding struct {
	// Version of TestPlatformCluster.
	Version string `json:"version"`

	// Path of the field, such as spec.ciOperator.releases.*.name: values of a map are
	// below *, and items of a list below [].
	Path string `json:"path"`

	// Kind says what happens: pruned, refused, required or defaulted.
	Kind schema.Kind `json:"kind"`

	// Cluster where it happens.
	Cluster Cluster `json:"cluster"`

	// Definition of the Konflux cluster that it was found in.
	Definition Definition `json:"definition"`

	// Breaking is whether requests that the Konflux cluster takes do not work on
	// app.ci as they are, so that to update the XRD will break them.
	Breaking bool `json:"breaking"`

	// Detail says why, for people.
	Detail string `json:"detail"`
}

// String is the finding as a line for people.
func (f Finding) String() string {
	s := fmt.Sprintf("%s %s: %s on %s: %s", f.Version, cmp.Or(f.Path, "(root)"), f.Kind, f.Cluster, f.Detail)

	if f.Definition == CRD {
		s += ", in the CRD that Crossplane serves"
	}

	if f.Breaking {
		s += " (breaking)"
	}

	return s
}

func newFinding(version string, in Cluster, of Definition, n schema.Narrowing) Finding {
	f := Finding{
		Version:    version,
		Path:       n.Path,
		Kind:       n.Kind,
		Cluster:    in,
		Definition: of,
		Breaking:   in == AppCI,
	}

	switch {
	case n.Kind == schema.Required:
		f.Detail = fmt.Sprintf("it is optional on %s", in.other())
	case n.Keyword == "" && n.Kind == schema.Pruned:
		f.Detail = "there is no such field"
	case n.Keyword == "":
		f.Detail = fmt.Sprintf("it must be %s, and %s takes any value", n.New, in.other())
	default:
		f.Detail = fmt.Sprintf("%s is %s, and %s on %s", n.Keyword, cmp.Or(n.New, "not set"), cmp.Or(n.Old, "not set"), in.other())
	}

	return f
}

func sortFindings(f []Finding) {
	slices.SortStableFunc(f, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Cluster, b.Cluster),
			cmp.Compare(a.Detail, b.Detail),
		)
	})
}

// Text writes findings for people, one a line.
func Text(w io.Writer, findings []Finding) error {
	for _, f := range findings {
		if _, err := fmt.Fprintln(w, f); err != nil {
			return errors.Wrap(err, "cannot print")
		}
	}

	return nil
}

// JSON writes findings for programs, as one list that may be empty.
func JSON(w io.Writer, findings []Finding) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")

	return errors.Wrap(enc.Encode(append([]Finding{}, findings...)), "cannot print")
}
