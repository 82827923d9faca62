package progress

import (
	"time"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
)

// A phase is one that the cluster was seen in.
type phase struct {
	name string
	from time.Time
}

// phases are those of one cluster, in the order of its life.
type phases []phase

// enter adds the phase that a state is in.
func (ps phases) enter(s cluster.State) phases {
	if len(ps) > 0 && ps[len(ps)-1].name == s.Phase {
		return ps
	}

	// Whoever comes later knows only how long it took app.ci to take up the request.
	if len(ps) == 0 && s.Phase == string(v1.PhaseProvisioning) {
		ps = append(ps, phase{name: cluster.PhasePending, from: s.Created})
	}

	return append(ps, phase{name: s.Phase, from: s.Since})
}

// took is how long a phase has lasted until the next one, or until now.
func (ps phases) took(i int, now time.Time) time.Duration {
	if i+1 < len(ps) {
		now = ps[i+1].from
	}

	return now.Sub(ps[i].from)
}
