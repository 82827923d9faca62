package request

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// Check returns what is wrong with the request: what a schema does not allow, if there
// is one, and what no schema says. What is missing only because it is misspelt, or could
// not be read, is told once.
func (r *Request) Check(s *served.Schema) UsageErrors {
	var problems UsageErrors

	meant := maps.Clone(r.unread)

	if s != nil {
		for _, v := range s.Check(r.Object.Object) {
			problems = append(problems, r.problem(v.Path, v.Problem))
			meant[v.Meant.String()] = true
		}
	}

	return slices.Concat(r.checkTest(meant), r.checkValues(), problems)
}

// checkTest holds what no schema says: what a cluster can be made of.
func (r *Request) checkTest(meant map[string]bool) UsageErrors {
	has := func(path ...string) bool {
		path = append([]string{"spec", "ciOperator"}, path...)

		return !empty(r.get(path...)) || meant[served.Path(path).String()]
	}

	var problems UsageErrors

	if !has("test", "workflow") {
		problems = append(problems, Problem{Flags: flagWorkflow, Text: "is required"})
	}

	switch profile, claim := has("test", "clusterProfile"), has("test", "clusterClaim"); {
	case profile && claim:
		problems = append(problems, Problem{Flags: flagClusterProfile + ", " + flagClusterClaim, Text: "one of them must be set, not both"})
	case !profile && !claim:
		problems = append(problems, Problem{Flags: flagClusterProfile + ", " + flagClusterClaim, Text: "one of them must be set, and neither is"})
	case profile && !has("releases"):
		problems = append(problems, Problem{Flags: flagReleases, Text: "is required with a cluster profile"})
	}

	return problems
}

// Refused returns what an API server that refuses the request says is wrong with it,
// or nothing when that is something else than the request.
func (r *Request) Refused(err error) UsageErrors {
	status := kerrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return nil
	}

	reason := status.Status().Reason
	if reason != metav1.StatusReasonInvalid && reason != metav1.StatusReasonBadRequest {
		return nil
	}

	if problems := r.unknown(status.Status().Message); len(problems) > 0 {
		return problems
	}

	var problems UsageErrors

	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			problems = append(problems, r.problem(served.Locate(r.Object.Object, cause.Field), cause.Message))
		}
	}

	if len(problems) == 0 {
		return UsageErrors{{Text: status.Status().Message}}
	}

	return problems
}

// unknownFields is how an API server that validates strictly says it.
var unknownFields = regexp.MustCompile(`(unknown|duplicate) field "([^"]+)"`)

func (r *Request) unknown(message string) UsageErrors {
	var problems UsageErrors //nolint:prealloc // There are none, mostly.
	for _, match := range unknownFields.FindAllStringSubmatch(message, -1) {
		problems = append(problems, r.problem(served.Locate(r.Object.Object, match[2]), match[1]+" field"))
	}

	return problems
}

// explain returns the flag that has set a field, or set something of it.
func (r *Request) explain(path served.Path) source {
	found := source{}

	for _, s := range r.sources {
		if _, ok := path.Within(s.path); ok && (found.flag == "" || len(s.path) >= len(found.path)) {
			found = s
		}
	}

	return found
}

// problem says which flag is wrong about a field, and where.
func (r *Request) problem(path served.Path, what string) Problem {
	s := r.explain(path)
	if s.flag == "" {
		return Problem{Path: path.String(), Text: what}
	}

	rest, _ := path.Within(s.path)
	if s.flag == flagEnvFrom {
		// The flag names a directory, and the field a file in it.
		rest = path[len(path)-1:]
	}

	p := Problem{Flags: s.flag, Path: rest.String(), Text: what}
	if s.text != nil {
		p.Where = s.text.where(rest)
	}

	if hint := s.hint(rest, what); hint != "" {
		p.Text = fmt.Sprintf("%s; %s", what, hint)
	}

	return p
}

// hint is for who forgot the @ of a file's name.
func (s source) hint(rest served.Path, what string) string {
	if s.text == nil || s.text.file != "" || len(rest) > 0 || !strings.HasSuffix(what, "not a string") {
		return ""
	}

	return "to read it from a file, write @ before the file's name"
}

// Wanted returns what an object must have to be what is asked for. It may have what was
// added to it since, and a tear-down may have been asked for meanwhile.
func (r *Request) Wanted() *unstructured.Unstructured {
	want := r.Object.DeepCopy()
	unstructured.RemoveNestedField(want.Object, "spec", "tearDownCluster")

	return want
}
