//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
)

// claimWith writes a claim like the example's, of another name and with parameters
// for the stand-in, to a file.
func claimWith(t *testing.T, name string, env map[string]string) string {
	t.Helper()

	claim := exampleClaim(t, "workflow")
	claim.SetName(name)

	if err := unstructured.SetNestedStringMap(claim.Object, env, "spec", "ciOperator", "test", "env"); err != nil {
		t.Fatal(err)
	}

	if err := unstructured.SetNestedField(claim.Object, name+"-secret", "spec", "writeConnectionSecretToRef", "name"); err != nil {
		t.Fatal(err)
	}

	return writeClaim(t, claim)
}

func TestFailures(t *testing.T) {
	t.Parallel()

	// As Prow's own Deck does when somebody presses abort. Prow patches what it has read
	// before: what it has begun to make pending is pending, though it may have an end as
	// well. So whoever aborts waits until it is.
	abort := func(ctx context.Context, l *life.Life) error {
		if err := awaitJob(ctx, l, func(pj *prowv1.ProwJob) bool { return pj.Status.State == prowv1.PendingState }); err != nil {
			return err
		}

		patch := client.RawPatch(types.MergePatchType, []byte(`{"status": {"state": "aborted", "description": "Aborted by a person."}}`))
		if err := shared.AppCI.Patch(ctx, l.ProwJob().DeepCopy(), patch); err != nil {
			return err
		}

		return awaitJob(ctx, l, (*prowv1.ProwJob).Complete)
	}

	cases := map[string]struct {
		reason string
		env    map[string]string

		// step that is still reached, and what happens then.
		step int
		then func(context.Context, *life.Life) error

		want string
	}{
		"Provisioning": {
			reason: "A cluster that cannot be provisioned is told to have failed.",
			env:    map[string]string{"STANDIN_FAIL": "provision", "STANDIN_PROVISION_DELAY": "2s"},
			step:   5,
			want:   "prowjob state: failure",
		},
		"Deprovisioning": {
			reason: "A tear-down that fails is told to have failed, and is no success.",
			env:    map[string]string{"STANDIN_FAIL": "deprovision"},
			step:   15,
			want:   "prowjob state: failure",
		},
		"Aborted": {
			reason: "A job that somebody aborts in Prow is told to have been aborted.",
			env:    map[string]string{"STANDIN_NEVER_READY": "true"},
			step:   6,
			then:   abort,
			want:   "prowjob state: aborted",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			parallel(t, lives)

			l := life.New(shared, "tenant-a", claimWith(t, strings.ToLower(name), tc.env), io.Discard)

			if err := l.RunTo(t.Context(), tc.step); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			if tc.then != nil {
				if err := tc.then(t.Context(), l); err != nil {
					t.Fatal(err)
				}
			}

			ctx, cancel := context.WithTimeout(t.Context(), aWhile)
			defer cancel()

			if err := l.AwaitClaim(ctx, func(u *unstructured.Unstructured) bool {
				completed := condition(u, string(apiv1.ConditionProwJobCompleted))

				return condition(u, v1alpha1.ConditionPhase)["message"] == string(apiv1.PhaseFailed) &&
					completed["status"] == "True" && completed["reason"] == apiv1.ReasonProwJobFailure && completed["message"] == tc.want
			}); err != nil {
				t.Fatalf("\n%s\nwant %q on the claim: %v", tc.reason, tc.want, err)
			}

			deleteAndEnd(t, tc.reason, l)
		})
	}
}

func TestDeletedInPhase(t *testing.T) {
	t.Parallel()

	cases := map[string]struct {
		reason string
		env    map[string]string
		step   int
	}{
		"JobCreated": {
			reason: "A claim may be deleted when its job has only just been created.",
			env:    map[string]string{"STANDIN_PROVISION_DELAY": "2s"},
			step:   4,
		},
		"Provisioning": {
			reason: "A claim may be deleted while its cluster is being provisioned.",
			env:    map[string]string{"STANDIN_PROVISION_DELAY": "5s"},
			step:   6,
		},
		"Deprovisioning": {
			reason: "A claim may be deleted while its cluster is being torn down.",
			env:    map[string]string{"STANDIN_DEPROVISION_DELAY": "5s"},
			step:   15,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			parallel(t, lives)

			l := life.New(shared, "tenant-a", claimWith(t, "deleted-"+strings.ToLower(name), tc.env), io.Discard)

			if err := l.RunTo(t.Context(), tc.step); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			deleteAndEnd(t, tc.reason, l)
		})
	}
}

// deleteAndEnd deletes a claim and makes sure that its job ends, too.
func deleteAndEnd(t *testing.T, reason string, l *life.Life) {
	t.Helper()

	if err := l.Delete(t.Context()); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := awaitJob(t.Context(), l, (*prowv1.ProwJob).Complete); err != nil {
		t.Errorf("\n%s\nthe ProwJob does not end: %v", reason, err)
	}
}

// awaitJob waits until a life's ProwJob matches.
func awaitJob(ctx context.Context, l *life.Life, match func(*prowv1.ProwJob) bool) error {
	ctx, cancel := context.WithTimeout(ctx, aWhile)
	defer cancel()

	_, err := shared.AppCI.Await(ctx, &prowv1.ProwJobList{}, func(o client.Object) bool {
		pj, ok := o.(*prowv1.ProwJob)

		return ok && pj.Name == l.ProwJob().Name && match(pj)
	})

	return err
}
