package ephemeralcluster

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
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
		"OrphanThatEnded": {
			reason: "A ProwJob that is over is left alone.",
			args:   passArgs{objs: []client.Object{newJob(state(prowv1.SuccessState))}},
			want:   passWant{gone: true, jobs: jobIn(prowv1.SuccessState)},
		},
	})
}
