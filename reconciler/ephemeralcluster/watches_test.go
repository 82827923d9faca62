package ephemeralcluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

func requestOf(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

func in(namespace string) func(*prowv1.ProwJob) {
	return func(pj *prowv1.ProwJob) {
		pj.SetAnnotations(map[string]string{prowjob.AnnotationNamespace: namespace})
	}
}

func TestRequestFor(t *testing.T) {
	cases := map[string]struct {
		reason  string
		watched []string
		pj      *prowv1.ProwJob
		want    []reconcile.Request
	}{
		"Legacy": {
			reason:  "A ProwJob that does not say its namespace is of the default one.",
			watched: []string{"ephemeral-cluster", "second"},
			pj:      newJob(),
			want:    []reconcile.Request{requestOf("ephemeral-cluster", testName)},
		},
		"LegacyUnwatched": {
			reason:  "Such a ProwJob is no orphan of whoever does not watch the default namespace.",
			watched: []string{"second"},
			pj:      newJob(),
		},
		"Namespace": {
			reason:  "A ProwJob says the namespace of its EphemeralCluster.",
			watched: []string{"ephemeral-cluster", "second"},
			pj:      newJob(in("second")),
			want:    []reconcile.Request{requestOf("second", testName)},
		},
		"Unwatched": {
			reason:  "A ProwJob of a namespace that is not watched is no orphan.",
			watched: []string{"ephemeral-cluster", "second"},
			pj:      newJob(in("third")),
		},
		"NotLabelled": {
			reason:  "A ProwJob of somebody else.",
			watched: []string{"ephemeral-cluster"},
			pj:      newJob(func(pj *prowv1.ProwJob) { pj.SetLabels(nil) }),
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil)

			got := h.requestFor(tc.pj, sets.New(tc.watched...))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nrequestFor(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRequestsFor(t *testing.T) {
	labelled := func(ec string) func(*prowv1.ProwJob) {
		return func(pj *prowv1.ProwJob) { pj.SetLabels(map[string]string{v1.LabelEphemeralCluster: ec}) }
	}
	objs := []client.Object{
		newJob(named("a"), labelled("ec-a"), on("build01"), state(prowv1.PendingState)),
		newJob(named("b"), labelled("ec-b"), on("build02"), state(prowv1.PendingState)),
		newJob(named("c"), labelled("ec-c"), on("build01"), state(prowv1.TriggeredState)),
		newJob(named("over"), labelled("ec-over"), on("build01"), state(prowv1.SuccessState)),
	}

	cases := map[string]struct {
		reason string
		event  buildfarm.Event
		want   []reconcile.Request
	}{
		"Job":        {reason: "A change about one ProwJob is of its EphemeralCluster.", event: buildfarm.Event{Cluster: "build02", JobID: "b"}, want: []reconcile.Request{requestOf("ephemeral-cluster", "ec-b")}},
		"JobOfOther": {reason: "Most namespaces of a build cluster are of others.", event: buildfarm.Event{Cluster: "build01", JobID: "unheard-of"}},
		"Cluster": {
			reason: "A change of a whole build cluster is about all that run there.",
			event:  buildfarm.Event{Cluster: "build01"},
			want:   []reconcile.Request{requestOf("ephemeral-cluster", "ec-a"), requestOf("ephemeral-cluster", "ec-c")},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, objs)

			got := h.requestsFor(t.Context(), tc.event, sets.New("ephemeral-cluster"))
			if diff := cmp.Diff(tc.want, got, cmpopts.SortSlices(func(a, b reconcile.Request) bool { return a.String() < b.String() })); diff != "" {
				t.Errorf("%s\nrequestsFor(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
