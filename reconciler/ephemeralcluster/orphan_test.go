package ephemeralcluster

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestOrphans(t *testing.T) {
	runPasses(t, map[string]passCase{
		"Orphan": {
			reason: "A ProwJob without EphemeralCluster is told to tear down.",
			args:   passArgs{objs: []client.Object{newJob(state(prowv1.PendingState))}, set: inNamespace},
			want:   passWant{gone: true, jobs: jobIn(prowv1.PendingState), signalled: []string{"ci-op-x"}},
		},
		"OrphanWithoutNamespace": {
			reason: "A ProwJob without EphemeralCluster and without namespace is aborted.",
			args:   passArgs{objs: []client.Object{newJob()}},
			want:   passWant{gone: true, jobs: abortedWith("Ephemeral Cluster not found", true)},
		},
		"OrphanOnUnknownBuildCluster": {
			reason: "A ProwJob without EphemeralCluster on an unknown build cluster is left alone.",
			args:   passArgs{objs: []client.Object{newJob(on("build99"), state(prowv1.PendingState))}},
			want:   passWant{gone: true, jobs: jobIn(prowv1.PendingState)},
		},
		"Recreated": {
			reason: "A ProwJob is not ended on the word of a cache that has an earlier EphemeralCluster of its name.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState)), newJob(named("next"), uid("next"), state(prowv1.PendingState))},
				set: func(h *harness) {
					h.Reader = fake.NewClientBuilder().WithScheme(h.Client.Scheme()).
						WithObjects(newCluster(func(ec *v1.EphemeralCluster) { ec.SetUID("next") })).Build()
				},
			},
			want: passWant{
				status: running(noNS), finalized: true,
				jobs: map[string]prowv1.ProwJobStatus{jobName: jobIn(prowv1.PendingState)[jobName], "next": {State: prowv1.PendingState}},
				err:  errStillThere,
			},
		},
		"OrphanThatEnded": {
			reason: "A ProwJob that is over is left alone.",
			args:   passArgs{objs: []client.Object{newJob(state(prowv1.SuccessState))}},
			want:   passWant{gone: true, jobs: jobIn(prowv1.SuccessState)},
		},
	})
}
