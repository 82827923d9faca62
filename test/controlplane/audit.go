//go:build linux

package controlplane

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// Writes returns the requests that have changed an object, in the order in which
// they were answered, from the audit log. Dry runs and refused requests change
// nothing. The control plane must have an AuditLog.
func (cp *ControlPlane) Writes() ([]auditv1.Event, error) {
	b, err := os.ReadFile(cp.AuditLogFile())
	if err != nil {
		return nil, errors.Wrap(err, "cannot read the audit log")
	}

	var writes []auditv1.Event

	// The last line may be in the making.
	for line := range bytes.Lines(b[:bytes.LastIndexByte(b, '\n')+1]) {
		e := auditv1.Event{}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, errors.Wrap(err, "cannot read a line of the audit log")
		}

		if isWrite(e) {
			writes = append(writes, e)
		}
	}

	return writes, nil
}

func isWrite(e auditv1.Event) bool {
	const firstError = 400

	return e.Stage == auditv1.StageResponseComplete &&
		slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, e.Verb) &&
		e.ResponseStatus != nil && e.ResponseStatus.Code < firstError &&
		!strings.Contains(e.RequestURI, "dryRun=All")
}
