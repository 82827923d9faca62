package ephemeralcluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	testUID  = types.UID("11111111-2222-4333-8444-555555555555")
	testName = "ec-1"

	// canary must be seen nowhere but where credentials belong.
	canary = "kubeconfig-canary-7f3a"
)

var (
	testKey  = types.NamespacedName{Namespace: v1.DefaultNamespace, Name: testName}
	testTime = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	jobName  = prowjob.Name(testUID)

	errBoom = errors.New("boom")
)

// fakeCluster is a build cluster.
type fakeCluster struct {
	namespaces map[string][]string
	unseen     map[string][]string
	secrets    map[string][]byte
	since      time.Time
	err        error
	health     error
	signalErr  error
	signalled  []string
}

func (f *fakeCluster) Health() error { return f.health }

func (f *fakeCluster) Namespaces(job string) ([]string, error) { return f.namespaces[job], f.err }

func (f *fakeCluster) FindNamespaces(_ context.Context, job string) ([]string, error) {
	return append(slices.Clone(f.namespaces[job]), f.unseen[job]...), f.err
}

func (f *fakeCluster) Secret(namespace, name string) buildfarm.Credential {
	return buildfarm.NewCredential(f.secrets[namespace+"/"+name], f.since)
}

func (f *fakeCluster) Signal(_ context.Context, namespace string) error {
	if f.signalErr == nil {
		f.signalled = append(f.signalled, namespace)
	}

	return f.signalErr
}

// fakeJobs makes ProwJobs without Prow's configuration.
type fakeJobs struct{ err error }

func (f *fakeJobs) Build(ec *v1.EphemeralCluster, _ *profiles.Profile) (*prowv1.ProwJob, error) {
	if f.err != nil {
		return nil, f.err
	}

	return newJob(func(pj *prowv1.ProwJob) {
		pj.SetName(prowjob.Name(ec.GetUID()))
		pj.SetAnnotations(map[string]string{prowjob.AnnotationNamespace: ec.GetNamespace(), prowjob.AnnotationUID: string(ec.GetUID())})
		pj.SetLabels(map[string]string{v1.LabelEphemeralCluster: ec.GetName()})
	}), nil
}

type fakeProfiles struct{ set *profiles.Set }

func (f fakeProfiles) Current() *profiles.Set { return f.set }

// fakeRecorder keeps Events and durations as text.
type fakeRecorder struct {
	events    []string
	durations []string
}

func (f *fakeRecorder) Eventf(_, _ runtime.Object, eventtype, reason, _, note string, args ...any) {
	f.events = append(f.events, eventtype+" "+reason+": "+fmt.Sprintf(note, args...))
}

func (f *fakeRecorder) Provisioned(workflow string, took time.Duration) {
	f.durations = append(f.durations, "provisioned "+workflow+" "+took.String())
}

func (f *fakeRecorder) Published(took time.Duration) {
	f.durations = append(f.durations, "published "+took.String())
}

func (f *fakeRecorder) Deprovisioned(workflow string, took time.Duration) {
	f.durations = append(f.durations, "deprovisioned "+workflow+" "+took.String())
}

func (f *fakeRecorder) OrphanIgnored(cluster string) {
	f.durations = append(f.durations, "orphan ignored on "+cluster)
}

// harness is a Reconciler among fakes.
type harness struct {
	*Reconciler

	t        *testing.T
	clock    *clocktesting.FakeClock
	farm     map[string]*fakeCluster
	jobs     *fakeJobs
	recorder *fakeRecorder

	// fail is asked before each write, and fails it by returning an error.
	fail func(verb string, o client.Object) error

	// writes are the writes made.
	writes []string
}

func newHarness(t *testing.T, objs []client.Object, o ...Option) *harness {
	t.Helper()

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, prowv1.AddToScheme, v1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}

	set, err := profiles.Parse([]byte(`
cluster_profiles:
- name: aws
  cluster_type: aws
  owners: [{konflux: {tenant: team-a, clusters: [stone-prd-rh01]}}]
`))
	if err != nil {
		t.Fatal(err)
	}

	h := &harness{
		t:        t,
		clock:    clocktesting.NewFakeClock(testTime),
		farm:     map[string]*fakeCluster{"build01": {}},
		jobs:     &fakeJobs{},
		recorder: &fakeRecorder{},
		fail:     func(string, client.Object) error { return nil },
	}

	o = append([]Option{WithClock(h.clock), WithEventRecorder(h.recorder), WithMetrics(h.recorder)}, o...)
	h.Reconciler = NewReconciler(Collaborators{
		Farm: func(alias string) (BuildCluster, error) {
			if c, ok := h.farm[alias]; ok {
				return c, nil
			}

			return nil, buildfarm.UnknownError{Cluster: alias}
		},
		InUse: func() []BuildCluster {
			all := make([]BuildCluster, 0, len(h.farm))
			for _, alias := range slices.Sorted(maps.Keys(h.farm)) {
				all = append(all, h.farm[alias])
			}

			return all
		},
		Jobs:     h.jobs,
		Profiles: fakeProfiles{set: set},
	}, o...)

	b := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objs...).WithStatusSubresource(&v1.EphemeralCluster{})
	for name, fn := range h.Indexes() {
		b = b.WithIndex(&prowv1.ProwJob{}, name, fn)
	}

	c := b.WithInterceptorFuncs(h.interceptor()).Build()
	h.Client, h.Reader = c, c

	return h
}

func (h *harness) interceptor() interceptor.Funcs {
	write := func(verb string, o client.Object, fn func() error) error {
		if err := h.fail(verb, o); err != nil {
			return err
		}

		h.writes = append(h.writes, fmt.Sprintf("%s %T", verb, o))

		return fn()
	}

	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return write("create", o, func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return write("update", o, func() error { return c.Update(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return write("patch", o, func() error { return c.Patch(ctx, o, p, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return write("patch "+sub, o, func() error { return c.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	}
}

// pass reconciles once, and fails the test on an error.
func (h *harness) pass() reconcile.Result {
	h.t.Helper()

	res, err := h.try()
	if err != nil {
		h.t.Fatalf("Reconcile(...): %v", err)
	}

	return res
}

func (h *harness) try() (reconcile.Result, error) {
	return h.Reconcile(h.t.Context(), reconcile.Request{NamespacedName: testKey})
}

// get returns the EphemeralCluster, nil when it is gone.
func (h *harness) get() *v1.EphemeralCluster {
	h.t.Helper()

	ec := &v1.EphemeralCluster{}
	if err := h.Client.Get(h.t.Context(), testKey, ec); err != nil {
		if kerrors.IsNotFound(err) {
			return nil
		}

		h.t.Fatal(err)
	}

	return ec
}

func (h *harness) job(name string) *prowv1.ProwJob {
	h.t.Helper()

	pj := &prowv1.ProwJob{}
	if err := h.Client.Get(h.t.Context(), types.NamespacedName{Namespace: "ci", Name: name}, pj); err != nil {
		h.t.Fatal(err)
	}

	return pj
}

// prow changes the ProwJob as Prow would.
func (h *harness) prow(name string, mods ...func(*prowv1.ProwJob)) {
	h.t.Helper()

	pj := h.job(name)
	for _, fn := range mods {
		fn(pj)
	}

	if err := h.Client.Update(h.t.Context(), pj); err != nil {
		h.t.Fatal(err)
	}
}

// user changes the EphemeralCluster as its requester would.
func (h *harness) user(mods ...func(*v1.EphemeralCluster)) {
	h.t.Helper()

	ec := h.get()
	for _, fn := range mods {
		fn(ec)
	}

	if err := h.Client.Update(h.t.Context(), ec); err != nil {
		h.t.Fatal(err)
	}
}
