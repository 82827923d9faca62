//go:build linux

package reconciler

import (
	"strings"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/controlplane"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// count counts the reconciler's requests, by cluster.
func (r *result) count(s *stack.Stack) error {
	for name, cp := range map[string]*controlplane.ControlPlane{stack.AppCI: s.AppCI.ControlPlane, stack.Build01: s.Build01.ControlPlane} {
		if err := cp.Audit(func(e *auditv1.Event) { r.see(name, e) }); err != nil {
			return err
		}
	}

	return nil
}

func (r *result) see(cluster string, e *auditv1.Event) {
	if e.User.Username != stack.ReconcilerUser || strings.Contains(e.RequestURI, "/events") || strings.Contains(e.RequestURI, "/leases") {
		return
	}

	if e.Stage == auditv1.StageRequestReceived {
		r.requests[cluster]++

		if e.Verb == "list" {
			r.lists++
		}
	}

	if controlplane.IsWrite(e) {
		r.writes[cluster]++
	}
}
