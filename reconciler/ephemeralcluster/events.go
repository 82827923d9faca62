package ephemeralcluster

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

// Reasons of Events. Those about a failure bear the reason of its condition.
const (
	reasonProwJobCreated       = "ProwJobCreated"
	reasonProwJobAborted       = "ProwJobAborted"
	reasonCredentialsPublished = "CredentialsPublished"
	reasonCredentialsRefreshed = "CredentialsRefreshed"
	reasonTearDownSignalled    = "TearDownSignalled"
	reasonDeprovisioned        = "Deprovisioned"
	reasonUnavailable          = "BuildClusterUnavailable"
	reasonAvailable            = "BuildClusterAvailable"

	// actionReconcile is what Events say was being done.
	actionReconcile = "Reconcile"

	// noteLimit is how many bytes of an Event's note the API server takes.
	noteLimit = 1024
)

// happening is something to tell in an Event.
type happening struct {
	eventType string
	reason    string
	note      string
}

func normal(reason, note string) happening {
	return happening{eventType: corev1.EventTypeNormal, reason: reason, note: note}
}

func warning(reason, note string) happening {
	return happening{eventType: corev1.EventTypeWarning, reason: reason, note: note}
}

// happenings are what an EphemeralCluster's change from one status to another tells,
// at most one for every condition and one for its build cluster. A status that stays
// the same tells nothing, so that there is no more to tell than there is to write.
func happenings(old, now *v1.EphemeralClusterStatus) []happening {
	var hs []happening

	if old.ProwJobID == "" && now.ProwJobID != "" {
		hs = append(hs, normal(reasonProwJobCreated, fmt.Sprintf("ProwJob %s provisions the cluster", now.ProwJobID)))
	}

	// Without a ProwJob, this condition says why there is none.
	if c := changed(old, now, v1.ConditionProwJobCreating); c != nil && c.Status == metav1.ConditionFalse && c.Reason != v1.ReasonProwJobCreated {
		hs = append(hs, warning(c.Reason, c.Message))
	}

	hs = append(hs, credentialsHappenings(old, now)...)

	if became(old, now, v1.ConditionTestCompleted) {
		note := fmt.Sprintf("ProwJob %s is told to destroy the cluster", now.ProwJobID)
		if m := now.GetCondition(v1.ConditionTestCompleted).Message; m != "" {
			note += ": " + m
		}

		hs = append(hs, normal(reasonTearDownSignalled, note))
	}

	was, is := unavailable(old), unavailable(now)

	switch {
	case was == "" && is != "":
		hs = append(hs, warning(reasonUnavailable, is))
	case was != "" && is == "" && !now.IsTrue(v1.ConditionProwJobCompleted):
		hs = append(hs, normal(reasonAvailable, "the build cluster can be reached again"))
	}

	return append(hs, endHappenings(old, now)...)
}

func credentialsHappenings(old, now *v1.EphemeralClusterStatus) []happening {
	if became(old, now, v1.ConditionClusterReady) {
		return []happening{normal(reasonCredentialsPublished, fmt.Sprintf("the cluster can be used with the credentials in Secret %s", now.SecretRef))}
	}

	if c := changed(old, now, v1.ConditionClusterReady); c != nil && strings.HasPrefix(c.Message, messageNotPublished) {
		return []happening{warning(c.Reason, c.Message)}
	}

	return nil
}

func endHappenings(old, now *v1.EphemeralClusterStatus) []happening {
	if !became(old, now, v1.ConditionProwJobCompleted) {
		return nil
	}

	c := now.GetCondition(v1.ConditionProwJobCompleted)
	switch {
	case now.Phase == v1.PhaseDeprovisioned && now.ProwJobID == "":
		return []happening{normal(reasonDeprovisioned, c.Message)}
	case now.Phase == v1.PhaseDeprovisioned:
		return []happening{normal(reasonDeprovisioned, "the cluster is gone")}
	}

	// ClusterReady has the ProwJob's own words besides.
	if ready := now.GetCondition(v1.ConditionClusterReady); ready != nil && ready.Status == metav1.ConditionFalse && ready.Reason == c.Reason {
		c = ready
	}

	return []happening{warning(c.Reason, c.Message)}
}

// changed returns a condition that is another than it was, apart from its time and
// the generation it is about.
func changed(old, now *v1.EphemeralClusterStatus, t v1.ConditionType) *v1.Condition {
	before, after := old.GetCondition(t), now.GetCondition(t)
	if after == nil || before != nil && before.Status == after.Status && before.Reason == after.Reason && before.Message == after.Message {
		return nil
	}

	return after
}

// became reports whether a condition is True that was not.
func became(old, now *v1.EphemeralClusterStatus, t v1.ConditionType) bool {
	return now.IsTrue(t) && !old.IsTrue(t)
}

// unavailable returns the message of a condition that says that the build cluster is
// unavailable.
func unavailable(st *v1.EphemeralClusterStatus) string {
	for _, c := range st.Conditions {
		if buildfarm.TellsUnavailable(c.Message) {
			return c.Message
		}
	}

	return ""
}

// announce records Events.
func (r *Reconciler) announce(ec *v1.EphemeralCluster, hs []happening) {
	for _, h := range hs {
		r.recorder.Eventf(ec, nil, h.eventType, h.reason, actionReconcile, "%s", shorten(h.note, noteLimit))
	}
}

// shorten cuts a text off, and never within a character.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}

	return strings.ToValidUTF8(s[:limit], "")
}
