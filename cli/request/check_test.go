package request

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A misspelt field of a long text is told in one line, which says where it is.
func TestLong(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)

	images := &strings.Builder{}

	for i := range 50 {
		field := "namespace"
		if i == 33 {
			field = "namespcae"
		}

		fmt.Fprintf(images, "      image-%d:\n        %s: ocp\n        name: \"4.20\"\n        tag: cli\n", i, field)
	}

	head := "apiVersion: ci.openshift.org/v1alpha1\nkind: TestPlatformCluster\nmetadata:\n  name: demo\nspec:\n  ciOperator:\n    baseImages:\n"
	tail := "    releases:\n      latest: {release: {channel: stable, version: '4.20'}}\n    test:\n      workflow: ipi-aws\n      clusterProfile: aws\n"
	write(t, dir, "claim.yaml", head+images.String()+tail)

	const within = 33*4 + 2

	cases := map[string]struct {
		reason string
		params Params
		lines  int
		want   string
	}{
		"Manifest": {
			reason: "A manifest's line is told.",
			params: Params{Filename: "claim.yaml"},
			lines:  strings.Count(head+images.String()+tail, "\n"),
			want:   fmt.Sprintf("--filename (claim.yaml:%d): spec.ciOperator.baseImages.image-33.namespcae", strings.Count(head, "\n")+within),
		},
		"Parameter": {
			reason: "So is a parameter's, as a pipeline gives it.",
			params: with(func(p *Params) { p.BaseImages = images.String() }),
			lines:  strings.Count(images.String(), "\n"),
			want:   fmt.Sprintf("--base-images (line %d): image-33.namespcae", within),
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.lines < 200 {
				t.Fatalf("the text is only %d lines long", tc.lines)
			}

			want := []string{tc.want + `: unknown field, did you mean "namespace"?`}
			if diff := cmp.Diff(want, lines(t, tc.params)); diff != "" {
				t.Errorf("%s\nproblems: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	gk := schema.GroupKind{Group: "ci.openshift.org", Kind: "TestPlatformCluster"}

	cases := map[string]struct {
		reason string
		err    error
		want   UsageErrors
	}{
		"Strict": {
			reason: "The API server's words about unknown fields lead to flags too.",
			err:    kerrors.NewBadRequest(`strict decoding error: unknown field "spec.ciOperator.releases.latest.x", unknown field "metadata.y"`),
			want: UsageErrors{
				{Flags: "--releases", Path: "latest.x", Text: "unknown field"},
				{Path: "metadata.y", Text: "unknown field"},
			},
		},
		"Invalid": {
			reason: "So do those about values.",
			err: kerrors.NewInvalid(gk, "demo", field.ErrorList{
				field.TooLong(field.NewPath("metadata", "name"), "", 3),
				field.Invalid(field.NewPath("spec"), "", "no test"),
			}),
			want: UsageErrors{
				{Flags: "--name", Text: "Too long: may not be more than 3 bytes"},
				{Path: "spec", Text: `Invalid value: "": no test`},
			},
		},
		"Vague": {
			reason: "What names no field is passed on.",
			err:    kerrors.NewBadRequest("no such thing"),
			want:   UsageErrors{{Text: "no such thing"}},
		},
		"Forbidden": {
			reason: "Rights are not a matter of the request.",
			err:    kerrors.NewForbidden(schema.GroupResource{}, "demo", nil),
		},
		"Other": {
			reason: "Nor is what no API server says.",
			err:    os.ErrNotExist,
		},
		"NoDetails": {
			reason: "An answer without details is enough.",
			err:    &kerrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonInvalid, Message: "no"}},
			want:   UsageErrors{{Text: "no"}},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r, _ := New(valid(), "tenant-a", nil)

			if diff := cmp.Diff(tc.want, r.Refused(tc.err)); diff != "" {
				t.Errorf("%s\nRefused(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
