//go:build linux

package controlplane

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	authnv1 "k8s.io/api/authentication/v1"
	authzv1 "k8s.io/api/authorization/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// Audit calls a function for each event of the audit log, in order. The control plane
// must have an AuditLog.
func (cp *ControlPlane) Audit(see func(e *auditv1.Event)) error {
	f, err := os.Open(cp.AuditLogFile())
	if err != nil {
		return errors.Wrap(err, "cannot open the audit log")
	}
	defer f.Close() //nolint:errcheck // It was only read.

	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A last line without an end is in the making.
			return nil
		}

		if err != nil {
			return errors.Wrap(err, "cannot read the audit log")
		}

		e := &auditv1.Event{}
		if err := json.Unmarshal(line, e); err != nil {
			return errors.Wrap(err, "cannot read a line of the audit log")
		}

		see(e)
	}
}

// Writes returns the requests that have changed an object, in the order in which
// they were answered, from the audit log. Dry runs, refused requests and reviews, which
// ask something, change nothing.
func (cp *ControlPlane) Writes() ([]auditv1.Event, error) {
	var writes []auditv1.Event

	err := cp.Audit(func(e *auditv1.Event) {
		if IsWrite(e) {
			writes = append(writes, *e)
		}
	})

	return writes, err
}

// IsWrite reports whether an event says that a request has changed an object.
func IsWrite(e *auditv1.Event) bool {
	const firstError = 400

	return e.Stage == auditv1.StageResponseComplete &&
		slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, e.Verb) &&
		e.ResponseStatus != nil && e.ResponseStatus.Code < firstError &&
		!strings.Contains(e.RequestURI, "dryRun=All") &&
		(e.ObjectRef == nil || !slices.Contains([]string{authnv1.GroupName, authzv1.GroupName}, e.ObjectRef.APIGroup))
}
