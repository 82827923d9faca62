package cluster

import (
	"strings"
	"unicode"

	"github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Types of Crossplane's own conditions.
const (
	conditionReady  = "Ready"
	conditionSynced = "Synced"
)

// reasonFatalError is Crossplane's, of all conditions that it could not find out because a
// function, or what it was to compose, failed.
const reasonFatalError = "FatalError"

// annotationPaused is Crossplane's, of what it is to leave alone.
const annotationPaused = meta.AnnotationKeyReconciliationPaused

// conditions of a claim by type.
type conditions map[string]metav1.Condition

func (cs conditions) isTrue(typ string) bool { return cs[typ].Status == metav1.ConditionTrue }

// isFalse is not the same as not being true: a condition that is not there is neither.
func (cs conditions) isFalse(typ string) bool { return cs[typ].Status == metav1.ConditionFalse }

func (cs conditions) isUnknown(typ string) bool { return cs[typ].Status == metav1.ConditionUnknown }

// isUnanswered reports whether Crossplane could not find out a condition.
func (cs conditions) isUnanswered(typ string) bool {
	return cs.isUnknown(typ) && cs[typ].Reason == reasonFatalError
}

// reported returns what a condition reports, whose message is a value. Crossplane puts
// words of its own there, with status Unknown, when it could not ask the function.
func (cs conditions) reported(typ string) string {
	if !cs.isTrue(typ) {
		return ""
	}

	return cs[typ].Message
}

// failure returns the words of a condition.
func (cs conditions) failure(typ string) *Failure {
	return &Failure{Condition: typ, Reason: cs[typ].Reason, Message: cs[typ].Message}
}

// printable returns a condition whose words can be shown.
func printable(c metav1.Condition) metav1.Condition {
	c.Reason, c.Message = clean(c.Reason), clean(c.Message)

	return c
}

// clean returns text without the control characters that could take over a terminal. It
// comes from other clusters, and some of it from other tenants.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}

		return r
	}, text)
}
