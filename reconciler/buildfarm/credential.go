package buildfarm

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Credential is a kubeconfig or a password. It is behind a function: whatever prints
// a Credential, or something that holds one, has no way to print its text.
type Credential struct {
	// Since is when it was first seen like this, as far as is known.
	Since time.Time

	reveal func() []byte
}

// NewCredential returns a Credential with a text.
func NewCredential(text []byte, since time.Time) Credential {
	if len(text) == 0 {
		return Credential{}
	}

	return Credential{Since: since, reveal: func() []byte { return text }}
}

// Reveal returns the text, nil when there is none.
func (c Credential) Reveal() []byte {
	if c.reveal == nil {
		return nil
	}

	return c.reveal()
}

// Known reports whether there is a text.
func (c Credential) Known() bool {
	return c.reveal != nil
}

// watchedSecret is what is kept of a Secret of a build cluster.
type watchedSecret struct {
	metav1.ObjectMeta

	credential Credential
}
