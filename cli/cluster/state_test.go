package cluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
)

func times() (created, since time.Time) {
	created = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

	return created, created.Add(5 * time.Minute)
}

// claim returns a claim at a stage.
func claimAt(t *testing.T, stage life.Stage, tearDown bool) *unstructured.Unstructured {
	t.Helper()

	created, since := times()

	u := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "demo", "namespace": "tenant-a", "uid": "uid", "creationTimestamp": created.Format(time.RFC3339)},
		"spec": map[string]any{
			"ciOperator":                 map[string]any{"test": map[string]any{"workflow": "ipi-aws", "clusterProfile": "aws"}},
			"tearDownCluster":            tearDown,
			"writeConnectionSecretToRef": map[string]any{"name": "demo-secret"},
		},
	}}

	conditions := life.Conditions(stage, since)
	list := make([]any, 0, len(conditions))

	for _, c := range conditions {
		m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&c)
		if err != nil {
			t.Fatal(err)
		}

		list = append(list, m)
	}

	if err := unstructured.SetNestedSlice(u.Object, list, "status", "conditions"); err != nil {
		t.Fatal(err)
	}

	return u
}

// What waiting for something means to those who wait.
type verdict struct {
	Phase      string
	Ready      bool
	WaitingFor string

	// Failure is what a cluster has failed with, whatever was asked for.
	Failure *Failure
	// Provision and Deprovision are why these fail.
	Provision   *Failure
	Deprovision *Failure
	// TearDownRefused is why a tear-down does not begin.
	TearDownRefused *Failure
	// Gone is true once there is no more to wait for after a tear-down.
	Gone bool
}

func TestFrom(t *testing.T) {
	refused := &Failure{Condition: "ProwJobCreating", Reason: "EphemeralClusterValidationFailure", Message: life.Denied}
	broken := &Failure{Condition: "ClusterReady", Reason: "ProwJobFailure", Message: life.Broken}
	invalid := &Failure{Condition: "Accepted", Reason: "InvalidRequest", Message: "spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has both"}
	tearDownFailed := &Failure{Condition: "ClusterReady", Reason: "ProwJobFailure", Message: "prowjob state: error"}
	ended := &Failure{Condition: "ProwJobCompleted", Reason: "ProwJobCompleted", Message: "prowjob state: success"}
	tornDown := func(phase string) *Failure {
		return &Failure{Condition: "_EphemeralClusterPhase", Reason: phase, Message: "the cluster is asked to be torn down"}
	}

	appCI := &Failure{Condition: "AppCISynced", Reason: "Refused", Message: life.RefusedByAppCI}
	deleted := &Failure{Condition: "_EphemeralClusterPhase", Reason: "Provisioning", Message: "the TestPlatformCluster is being deleted"}
	ownerGone := &Failure{
		Condition: "_EphemeralClusterPhase", Reason: "Pending",
		Message: "the TestPlatformCluster is being deleted, as it is when its owner, PipelineRun run-1 of UID 7c1d, does not exist",
	}

	cases := map[string]struct {
		reason   string
		stage    life.Stage
		tearDown bool
		change   func(u *unstructured.Unstructured)
		want     verdict
	}{
		"Bound": {
			reason: "What Crossplane says by itself is no answer of the function.",
			stage:  life.Bound,
			want:   verdict{Phase: "Pending", WaitingFor: "Crossplane to take up the request"},
		},
		"Paused": {
			reason: "What is paused waits for whoever has paused it, whatever else it says.",
			stage:  life.Installing,
			change: func(u *unstructured.Unstructured) {
				u.SetAnnotations(map[string]string{"crossplane.io/paused": "true"})
			},
			want: verdict{Phase: "Provisioning", WaitingFor: "somebody to resume it: the claim is paused: its annotation crossplane.io/paused is true"},
		},
		"PausedToEnd": {
			reason:   "So does its tear-down.",
			stage:    life.Ready,
			tearDown: true,
			change: func(u *unstructured.Unstructured) {
				u.SetAnnotations(map[string]string{"crossplane.io/paused": "true"})
			},
			want: verdict{
				Phase: "Ready", WaitingFor: "somebody to resume it: the claim is paused: its annotation crossplane.io/paused is true",
				Provision: tornDown("Ready"),
			},
		},
		"Deleted": {
			reason: "What is being deleted will not be ready.",
			stage:  life.Installing,
			change: func(u *unstructured.Unstructured) { u.SetDeletionTimestamp(new(metav1.Now())) },
			want:   verdict{Phase: "Provisioning", WaitingFor: "app.ci to start the tear-down", Provision: deleted},
		},
		"OwnerGone": {
			reason: "Who has an owner may be told of the reason.",
			stage:  life.Created,
			change: func(u *unstructured.Unstructured) {
				u.SetDeletionTimestamp(new(metav1.Now()))
				u.SetOwnerReferences([]metav1.OwnerReference{{Kind: "PipelineRun", Name: "run-1", UID: "7c1d"}})
			},
			want: verdict{Phase: "Pending", WaitingFor: "app.ci to start the tear-down", Provision: ownerGone},
		},
		"Uncomposed": {
			reason: "Crossplane's words go before what it could not find out for that reason.",
			stage:  life.Uncomposed,
			want:   verdict{Phase: "Pending", WaitingFor: "Crossplane: " + life.SecretQuota},
		},
		"AppCIRefuses": {
			reason: "What app.ci refuses for good has failed, in its words.",
			stage:  life.AppCIRefuses,
			want:   verdict{Phase: "Pending", Failure: appCI, Provision: appCI, Deprovision: appCI, Gone: true},
		},
		"AppCIQuota": {
			reason: "What it may take later is waited for.",
			stage:  life.AppCIQuota,
			want:   verdict{Phase: "Pending", WaitingFor: "app.ci to take what is asked for: " + life.Quota},
		},
		"AppCIAway": {
			reason: "So it is while it cannot be asked.",
			stage:  life.AppCIAway,
			want:   verdict{Phase: "Provisioning", WaitingFor: "app.ci to be reachable: " + life.NoRoute},
		},
		"ChangeRefused": {
			reason: "A cluster that is ready is so, whatever app.ci refuses to make of it.",
			stage:  life.TearDownNo,
			want:   verdict{Phase: "Ready", Ready: true},
		},
		"TearDownRefused": {
			reason:   "A tear-down that app.ci refuses does not begin.",
			stage:    life.TearDownNo,
			tearDown: true,
			want: verdict{
				Phase: "Ready", WaitingFor: "app.ci to take what is asked for: " + life.RefusedByAppCI,
				Provision: tornDown("Ready"), TearDownRefused: appCI,
			},
		},
		"Created": {
			reason: "Before anything is said, Crossplane is waited for.",
			stage:  life.Created,
			want:   verdict{Phase: "Pending", WaitingFor: "Crossplane to take up the request"},
		},
		"Checking": {
			reason: "The function's words are passed on.",
			stage:  life.Checking,
			want:   verdict{Phase: "Pending", WaitingFor: `the request to be accepted: asking app.ci for an EphemeralCluster "demo-x7k2p", which must not exist`},
		},
		"Environment": {
			reason: "What an operator can put right is waited for.",
			stage:  life.Environment,
			want:   verdict{Phase: "Pending", WaitingFor: `the request to be accepted: EnvironmentConfig "envcfg" does not exist, or has no data.clusterName`},
		},
		"Invalid": {
			reason: "What cannot be asked for has failed.",
			stage:  life.Invalid,
			want:   verdict{Phase: "Pending", Failure: invalid, Provision: invalid, Deprovision: invalid, Gone: true},
		},
		"Unsynced": {
			reason: "Crossplane's own trouble is told.",
			stage:  life.Unsynced,
			want:   verdict{Phase: "Pending", WaitingFor: "Crossplane: cannot select Composition"},
		},
		"Accepted": {
			reason: "Then app.ci is waited for.",
			stage:  life.Accepted,
			want:   verdict{Phase: "Pending", WaitingFor: "app.ci to take up the request"},
		},
		"Refused": {
			reason: "A refusal is a failure in app.ci's words, to whoever waits for anything.",
			stage:  life.Refused,
			want:   verdict{Phase: "Failed", Failure: refused, Provision: refused, Deprovision: refused, Gone: true},
		},
		"ProwJobLate": {
			reason: "A ProwJob that cannot be created yet is waited for.",
			stage:  life.ProwJobLate,
			want:   verdict{Phase: "Provisioning", WaitingFor: "the ProwJob to be created: cannot create ProwJob yet: timeout"},
		},
		"Starting": {
			reason: "What app.ci says is explained.",
			stage:  life.Starting,
			want:   verdict{Phase: "Provisioning", WaitingFor: "ci-operator to start: ci-operator NS not found"},
		},
		"Installing": {
			reason: "How long such clusters take is passed on.",
			stage:  life.Installing,
			want:   verdict{Phase: "Provisioning", WaitingFor: "the cluster to be installed: " + life.Usual},
		},
		"Broken": {
			reason: "Of the conditions that say why, the one that says most is taken.",
			stage:  life.Failed,
			want:   verdict{Phase: "Failed", Failure: broken, Provision: broken, Deprovision: broken, Gone: true},
		},
		"Ended": {
			reason: "A job that ends before it is told to leaves no cluster to wait for.",
			stage:  life.Ended,
			want:   verdict{Phase: "Deprovisioned", Provision: ended, Gone: true},
		},
		"HandingOver": {
			reason: "A cluster without its Secret is not ready yet.",
			stage:  life.HandingOver,
			want:   verdict{Phase: "Ready", WaitingFor: `the kubeconfig to be in Secret "demo-secret"`},
		},
		"SecretTaken": {
			reason: "Where the Secret is another's, there will never be a kubeconfig; a tear-down does not mind.",
			stage:  life.SecretTaken,
			want: verdict{
				Phase:      "Ready",
				WaitingFor: `the kubeconfig to be in Secret "demo-secret": Secret "demo-secret" was not made for this request and is left as it is: set another spec.writeConnectionSecretToRef.name`,
				Provision: &Failure{
					Condition: "CredentialsPublished", Reason: "NotOurs",
					Message: `Secret "demo-secret" was not made for this request and is left as it is: set another spec.writeConnectionSecretToRef.name`,
				},
			},
		},
		"Ready": {
			reason: "A cluster that is ready waits for nothing.",
			stage:  life.Ready,
			want:   verdict{Phase: "Ready", Ready: true},
		},
		"Unknown": {
			reason: "What Crossplane could not find out is neither a phase nor a link.",
			stage:  life.Unknown,
			want:   verdict{Phase: "Pending", WaitingFor: "Crossplane: " + life.Fatal},
		},
		"AskedToEnd": {
			reason:   "One that is to be torn down is no longer ready.",
			stage:    life.Ready,
			tearDown: true,
			want:     verdict{Phase: "Ready", WaitingFor: "app.ci to start the tear-down", Provision: tornDown("Ready")},
		},
		"NotSignalled": {
			reason:   "What keeps a tear-down from starting is told.",
			stage:    life.NotSignalled,
			tearDown: true,
			want: verdict{
				Phase: "Ready", WaitingFor: "ci-operator to be told to tear down: CreateTestCompletedSecretFailure: ci-operator NS not found",
				Provision: tornDown("Ready"),
			},
		},
		"TearingDown": {
			reason:   "While it goes on, its job is waited for.",
			stage:    life.TearingDown,
			tearDown: true,
			want:     verdict{Phase: "Deprovisioning", WaitingFor: "the ProwJob to destroy the cluster", Provision: tornDown("Deprovisioning")},
		},
		"TearingDownUnasked": {
			reason: "So it is when app.ci tears down by itself.",
			stage:  life.TearingDown,
			want:   verdict{Phase: "Deprovisioning", WaitingFor: "the ProwJob to destroy the cluster", Provision: tornDown("Deprovisioning")},
		},
		"Deprovisioned": {
			reason:   "A tear-down that succeeds is no failure, except to who still waits for the cluster.",
			stage:    life.Deprovisioned,
			tearDown: true,
			want:     verdict{Phase: "Deprovisioned", Provision: ended, Gone: true},
		},
		"TearDownFails": {
			reason:   "One that fails is.",
			stage:    life.TearDownFails,
			tearDown: true,
			want:     verdict{Phase: "Failed", Failure: tearDownFailed, Provision: tearDownFailed, Deprovision: tearDownFailed, Gone: true},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := claimAt(t, tc.stage, tc.tearDown)
			if tc.change != nil {
				tc.change(u)
			}

			s := From(u)
			gone, deprovision := s.Deprovisioned()

			if s.ProwJobURL != "" && s.ProwJobURL != life.ProwJobURL {
				t.Errorf("%s\nFrom(...): the ProwJob's URL is %q", tc.reason, s.ProwJobURL)
			}

			got := verdict{
				Phase: s.Phase, Ready: s.Ready, WaitingFor: s.WaitingFor,
				Failure: s.Failure, Provision: s.ProvisionFailure(), Deprovision: deprovision, TearDownRefused: s.TearDownRefused(), Gone: gone,
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nFrom(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAfter(t *testing.T) {
	created, since := times()

	cases := map[string]struct {
		reason   string
		last     life.Stage
		now      life.Stage
		recreate bool

		wantPhase string
		wantSince time.Time
		wantURL   string
		wantWaits string
	}{
		"Known": {
			reason: "What is known now counts.",
			last:   life.Installing, now: life.Ready,
			wantPhase: "Ready", wantSince: since, wantURL: life.ProwJobURL,
		},
		"Unknown": {
			reason: "What is not known now is what it was, and why nobody knows is told.",
			last:   life.Installing, now: life.Unknown,
			wantPhase: "Provisioning", wantSince: since, wantURL: life.ProwJobURL, wantWaits: "Crossplane: " + life.Fatal,
		},
		"NeverKnown": {
			reason: "That may be nothing.",
			last:   life.Created, now: life.Unknown,
			wantPhase: "Pending", wantSince: created, wantWaits: "Crossplane: " + life.Fatal,
		},
		"Another": {
			reason: "It is of no other cluster.",
			last:   life.Installing, now: life.Unknown, recreate: true,
			wantPhase: "Pending", wantSince: created, wantWaits: "Crossplane: " + life.Fatal,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := claimAt(t, tc.now, false)
			if tc.recreate {
				u.SetUID("another")
			}

			got := From(u).After(From(claimAt(t, tc.last, false)))

			want := got
			want.Phase, want.Since, want.ProwJobURL, want.WaitingFor = tc.wantPhase, tc.wantSince, tc.wantURL, tc.wantWaits

			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(State{})); diff != "" {
				t.Errorf("%s\nAfter(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
