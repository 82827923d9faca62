package main

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	dynamicfake "k8s.io/client-go/dynamic/fake"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/live"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

func TestDrift(t *testing.T) {
	const (
		claims     = "xtestplatformclusters.ci.openshift.org"
		namespaced = "testplatformclusters.ci.openshift.org"
		noDrift    = `no drift: XRD "` + claims + "\" on konflux offers what the CRD on app.ci takes\n"
		drifted    = `drift: what XRD "` + claims + `" on konflux offers is not what the CRD on app.ci takes`
		cannotTell = "cannot tell whether there is drift: "
	)

	served := func(x *xv1.CompositeResourceDefinition) *extv1.CustomResourceDefinition {
		all, err := xrd.Serve(x)
		if err != nil {
			t.Fatalf("Serve(...): %v", err)
		}

		return all[len(all)-1]
	}

	type want struct {
		code   int
		err    string
		stdout string

		// golden file of the output, where it is longer.
		golden string
	}

	cases := map[string]struct {
		reason         string
		cmd            driftCmd
		appCI, konflux *dynamicfake.FakeDynamicClient
		want           want
	}{
		"Same": {
			reason:  "Equal definitions are no drift.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, generated(t, xrd.Claims), served(generated(t, xrd.Claims))),
			want:    want{stdout: noDrift},
		},
		"SameNamespaced": {
			reason:  "So are those of namespaced composites.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, generated(t, xrd.Namespaced), served(generated(t, xrd.Namespaced))),
			want:    want{stdout: `no drift: XRD "` + namespaced + "\" on konflux offers what the CRD on app.ci takes\n"},
		},
		"SameJSON": {
			reason:  "To programs that is an empty list.",
			cmd:     driftCmd{Output: "json"},
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, generated(t, xrd.Claims), served(generated(t, xrd.Claims))),
			want:    want{stdout: "[]\n"},
		},
		"Pruned": {
			reason:  "A field that would be lost is named.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, withoutRelative(t, generated(t, xrd.Claims)), served(withoutRelative(t, generated(t, xrd.Claims)))),
			want: want{
				code: 1, err: drifted,
				stdout: "v1alpha1 spec.ciOperator.releases.*.release.relative: pruned on the Konflux cluster: there is no such field\n",
			},
		},
		"NotFollowed": {
			reason:  "An XRD that Crossplane does not serve as it is does not help tenants.",
			cmd:     driftCmd{Settle: time.Millisecond},
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, generated(t, xrd.Claims), served(withoutRelative(t, generated(t, xrd.Claims)))),
			want: want{
				code: 1, err: drifted,
				stdout: "v1alpha1 spec.ciOperator.releases.*.release.relative: pruned on the Konflux cluster: there is no such field, in the CRD that Crossplane serves\n",
			},
		},
		"Breaking": {
			reason:  "Every kind of drift is told to people.",
			appCI:   fakeCluster(t, breaking(loadCRD(t))),
			konflux: fakeCluster(t, withoutRelative(t, generated(t, xrd.Claims)), served(withoutRelative(t, generated(t, xrd.Claims)))),
			want:    want{code: 1, err: drifted, golden: "drift.txt"},
		},
		"BreakingJSON": {
			reason:  "And to programs.",
			cmd:     driftCmd{Output: "json"},
			appCI:   fakeCluster(t, breaking(loadCRD(t))),
			konflux: fakeCluster(t, withoutRelative(t, generated(t, xrd.Claims)), served(withoutRelative(t, generated(t, xrd.Claims)))),
			want:    want{code: 1, err: drifted, golden: "drift.json"},
		},
		"NoCRD": {
			reason:  "Without a CRD on app.ci nothing can be told.",
			appCI:   fakeCluster(t),
			konflux: fakeCluster(t, generated(t, xrd.Claims)),
			want: want{
				code: 2,
				err:  cannotTell + `app.ci: cannot get customresourcedefinitions "ephemeralclusters.ci.openshift.io": customresourcedefinitions.apiextensions.k8s.io "ephemeralclusters.ci.openshift.io" not found`,
			},
		},
		"NoXRD": {
			reason:  "Neither without an XRD.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t),
			want:    want{code: 2, err: cannotTell + "Konflux cluster: there is no XRD " + claims + " and no XRD " + namespaced},
		},
		"TwoXRDs": {
			reason:  "Which of two is meant is not guessed.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, generated(t, xrd.Claims), generated(t, xrd.Namespaced)),
			want:    want{code: 2, err: cannotTell + "Konflux cluster: there are two XRDs, " + claims + " and " + namespaced + ": name one with --xrd"},
		},
		"ChosenXRD": {
			reason:  "One of two may be chosen.",
			cmd:     driftCmd{XRD: claims},
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, generated(t, xrd.Claims), withoutRelative(t, generated(t, xrd.Namespaced)), served(generated(t, xrd.Claims))),
			want:    want{stdout: noDrift},
		},
		"Forbidden": {
			reason:  "What may not be read cannot be told.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: failing(fakeCluster(t), live.XRDs(), kerrors.NewForbidden(live.XRDs().GroupResource(), claims, nil)),
			want: want{
				code: 2,
				err:  cannotTell + `Konflux cluster: cannot get compositeresourcedefinitions "` + claims + `": compositeresourcedefinitions.apiextensions.crossplane.io "` + claims + `" is forbidden: <nil>`,
			},
		},
		"ServedForbidden": {
			reason:  "Without the right to read what is served, the XRD is not all there is to tell.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: failing(fakeCluster(t, generated(t, xrd.Claims)), live.CRDs(), kerrors.NewForbidden(live.CRDs().GroupResource(), namespaced, nil)),
			want: want{
				code: 2,
				err:  `cannot tell all: Konflux cluster: whether Crossplane serves XRD "` + claims + `" as it is: cannot get customresourcedefinitions "` + namespaced + `": customresourcedefinitions.apiextensions.k8s.io "` + namespaced + `" is forbidden: <nil>`,
			},
		},
		"NotServed": {
			reason:  "An XRD that Crossplane does not serve is of no use to tenants. What it has lost is told all the same.",
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, withoutRelative(t, generated(t, xrd.Claims))),
			want: want{
				code: 2, err: `cannot tell all: Konflux cluster: Crossplane does not serve XRD "` + claims + `": there is no CRD "` + namespaced + `"`,
				stdout: "v1alpha1 spec.ciOperator.releases.*.release.relative: pruned on the Konflux cluster: there is no such field\n",
			},
		},
		"Unreachable": {
			reason:  "A cluster that does not answer says nothing.",
			appCI:   failing(fakeCluster(t), live.CRDs(), &net.OpError{Op: "dial", Err: errors.New("no route")}),
			konflux: fakeCluster(t, generated(t, xrd.Claims)),
			want:    want{code: 2, err: cannotTell + `app.ci: cannot get customresourcedefinitions "ephemeralclusters.ci.openshift.io": dial: no route`},
		},
		"Version": {
			reason:  "Nothing can be told of a version that only one of them serves.",
			cmd:     driftCmd{Versions: map[string]string{"v1": "v1beta1"}},
			appCI:   fakeCluster(t, loadCRD(t)),
			konflux: fakeCluster(t, generated(t, xrd.Claims), served(generated(t, xrd.Claims))),
			want: want{
				code: 2,
				err: `cannot tell all: [[version "v1beta1" is not served by the Konflux cluster, version "v1alpha1" is not served by app.ci], ` +
					`in the CRD that Crossplane serves: [version "v1beta1" is not served by the Konflux cluster, version "v1alpha1" is not served by app.ci]]`,
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.cmd.Konflux, tc.cmd.AppCI, tc.cmd.Timeout = "konflux", "app.ci", time.Minute
			if tc.cmd.Versions == nil {
				tc.cmd.Versions = map[string]string{"v1": "v1alpha1"}
			}

			stdout := &bytes.Buffer{}
			err := tc.cmd.compare(t.Context(), stdout, tc.appCI, tc.konflux)

			got := want{code: codeOf(err), stdout: stdout.String(), golden: tc.want.golden}
			if err != nil {
				got.err = err.Error()
			}

			if tc.want.golden != "" {
				tc.want.stdout = golden(t, tc.want.golden, stdout.Bytes())
			}

			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\ncompare(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
