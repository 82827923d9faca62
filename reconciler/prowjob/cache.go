package prowjob

import (
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
)

// Trim keeps of a ProwJob what is read from a cache: its pod and decoration are
// most of its size, and are only ever written.
func Trim(obj any) (any, error) {
	pj, ok := obj.(*prowv1.ProwJob)
	if !ok {
		return obj, nil
	}

	t := &prowv1.ProwJob{
		TypeMeta:   pj.TypeMeta,
		ObjectMeta: *pj.ObjectMeta.DeepCopy(),
		Spec: prowv1.ProwJobSpec{
			Type:    pj.Spec.Type,
			Agent:   pj.Spec.Agent,
			Cluster: pj.Spec.Cluster,
			Job:     pj.Spec.Job,
		},
		Status: prowv1.ProwJobStatus{
			StartTime:      pj.Status.StartTime,
			PendingTime:    pj.Status.PendingTime,
			CompletionTime: pj.Status.CompletionTime,
			State:          pj.Status.State,
			Description:    pj.Status.Description,
			URL:            pj.Status.URL,
		},
	}
	t.SetManagedFields(nil)

	return t, nil
}
