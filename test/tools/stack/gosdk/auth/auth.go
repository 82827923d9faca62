// Package auth stands in for the Nebius SDK's package of the same name.
package auth

// BearerToken is an IAM token.
type BearerToken struct{ Token string }

// PrivateKeyParser would parse a service account's private key.
type PrivateKeyParser struct{}

// NewPrivateKeyParser parses nothing.
func NewPrivateKeyParser([]byte, string, string) PrivateKeyParser { return PrivateKeyParser{} }
