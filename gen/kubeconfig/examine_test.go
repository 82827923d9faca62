package kubeconfig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

func signed(t *testing.T, claims any) string {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}

	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}

	return token
}

func TestReadCredential(t *testing.T) {
	at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)

	cases := map[string]struct {
		reason string
		cfg    *rest.Config
		want   Report
		err    string
	}{
		"Bound": {
			reason: "A bound token says when it expires.",
			cfg:    &rest.Config{BearerToken: signed(t, jwt.Claims{Expiry: jwt.NewNumericDate(at)})},
			want:   Report{Expires: &at},
		},
		"LongLived": {
			reason: "The token of a Secret does not expire, and says which one.",
			cfg:    &rest.Config{BearerToken: signed(t, map[string]any{"sub": "s", "kubernetes.io/serviceaccount/secret.name": "token-v2"})},
			want:   Report{Secret: "token-v2"},
		},
		"NotAToken": {
			reason: "What is no token is not quoted: it may be a credential of another kind.",
			cfg:    &rest.Config{BearerToken: canary},
			err:    "the kubeconfig's token is not one of a ServiceAccount",
		},
		"NotACertificate": {
			reason: "A broken certificate is told.",
			cfg:    &rest.Config{TLSClientConfig: rest.TLSClientConfig{CertData: []byte(canary)}},
			err:    "the kubeconfig's certificate is not PEM",
		},
		"Nothing": {
			reason: "A kubeconfig whose credential comes from elsewhere cannot be examined.",
			cfg:    &rest.Config{},
			err:    "the kubeconfig has neither a token nor an embedded certificate",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Report{}
			err := got.readCredential(tc.cfg)

			if diff := cmp.Diff(tc.err, message(err)); diff != "" {
				t.Errorf("\n%s\nreadCredential(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("\n%s\nreadCredential(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestExamineUnparsable(t *testing.T) {
	_, err := Examine(t.Context(), []byte("users: [{name: a, user: {token: ["+canary), nil)
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("A file that cannot be parsed is an error that does not quote it, got: %v", err)
	}
}

func TestExamineUnverified(t *testing.T) {
	const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{name: app.ci, cluster: {server: "https://localhost:1", insecure-skip-tls-verify: true}}]
contexts: [{name: app.ci, context: {cluster: app.ci, user: konflux}}]
current-context: app.ci
users: [{name: konflux, user: {token: ` + canary + `}}]
`

	_, err := Examine(t.Context(), []byte(kubeconfig), nil)

	want := "the kubeconfig does not verify the certificate of https://localhost:1: whoever answers gets the credential"
	if diff := cmp.Diff(want, message(err)); diff != "" {
		t.Errorf("A kubeconfig that gives its token away is told, and not tried: -want error, +got error:\n%s", diff)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}

	return err.Error()
}
