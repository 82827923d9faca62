package kubeconfig

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	authnv1 "k8s.io/api/authentication/v1"
	authzv1 "k8s.io/api/authorization/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// A Report tells what a credential is good for.
type Report struct {
	Server string

	// User and Groups are who the API server takes the credential for.
	User   string
	Groups []string

	// Secret is the name of the Secret that a long-lived token is kept in, and ends
	// with, as the token itself says.
	Secret string

	// Expires is nil for a credential that does not expire.
	Expires *time.Time

	// Rights are by namespace, and include those that hold in all namespaces.
	Rights []Rights
}

// Rights are what a user may do in a namespace, a line per rule.
type Rights struct {
	Namespace string
	Rules     []string

	// Incomplete is true when the API server could not list all of them.
	Incomplete bool
}

// Examine asks the cluster of a kubeconfig's current context about its user. A
// credential that the cluster refuses is an error that says so, and when it expired.
func Examine(ctx context.Context, kubeconfig []byte, namespaces []string) (*Report, error) {
	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		// The library's error may quote what it cannot parse.
		return nil, errors.New("cannot parse the kubeconfig")
	}

	if unverified(cfg.Host, cfg.Insecure) {
		return nil, errors.Errorf("the kubeconfig does not verify the certificate of %s: whoever answers gets the credential", cfg.Host)
	}

	r := &Report{Server: cfg.Host}
	if err := r.readCredential(cfg); err != nil {
		return nil, err
	}

	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, errors.Wrap(err, "cannot make a client")
	}

	self, err := kube.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authnv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if kerrors.IsUnauthorized(err) && r.Expires != nil && r.Expires.Before(time.Now()) {
		return nil, errors.Wrapf(err, "%s refuses the credential, which expired at %s", cfg.Host, r.Expires.Format(time.RFC3339))
	}

	if err != nil {
		return nil, errors.Wrapf(err, "cannot ask %s who this is", cfg.Host)
	}

	r.User, r.Groups = self.Status.UserInfo.Username, self.Status.UserInfo.Groups

	for _, ns := range namespaces {
		review := &authzv1.SelfSubjectRulesReview{Spec: authzv1.SelfSubjectRulesReviewSpec{Namespace: ns}}

		review, err := kube.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return nil, errors.Wrapf(err, "cannot ask %s for the rights in namespace %s", cfg.Host, ns)
		}

		r.Rights = append(r.Rights, Rights{Namespace: ns, Rules: rules(review.Status.ResourceRules), Incomplete: review.Status.Incomplete})
	}

	return r, nil
}

// rules renders rules for people, without the rights that every user has about
// itself.
func rules(in []authzv1.ResourceRule) []string {
	out := []string{}

	for _, r := range in {
		groups := slices.DeleteFunc(slices.Clone(r.APIGroups), func(g string) bool {
			return g == authnv1.GroupName || g == authzv1.GroupName
		})

		for _, group := range groups {
			for _, resource := range r.Resources {
				line := strings.Join(slices.Sorted(slices.Values(r.Verbs)), ",") + " " + resource
				if group != "" {
					line += "." + group
				}

				if len(r.ResourceNames) > 0 {
					line += " named " + strings.Join(r.ResourceNames, ", ")
				}

				out = append(out, line)
			}
		}
	}

	slices.Sort(out)

	return slices.Compact(out)
}

// readCredential reports what a config's credential says of itself.
func (r *Report) readCredential(cfg *rest.Config) error {
	token := cfg.BearerToken

	if token == "" && cfg.BearerTokenFile != "" {
		b, err := os.ReadFile(cfg.BearerTokenFile)
		if err != nil {
			return errors.Wrap(err, "cannot read the token")
		}

		token = string(b)
	}

	switch {
	case token != "":
		return r.readToken(strings.TrimSpace(token))
	case len(cfg.CertData) > 0:
		var err error

		r.Expires, err = certificateExpiry(cfg.CertData)

		return err
	default:
		return errors.New("the kubeconfig has neither a token nor an embedded certificate")
	}
}

func (r *Report) readToken(token string) error {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512})
	if err != nil {
		// What does not parse may be the credential itself.
		return errors.New("the kubeconfig's token is not one of a ServiceAccount")
	}

	claims := struct {
		jwt.Claims

		Secret string `json:"kubernetes.io/serviceaccount/secret.name"`
	}{}

	// Whether it is genuine is the API server's to say.
	if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return errors.New("the kubeconfig's token is not one of a ServiceAccount")
	}

	r.Secret = claims.Secret

	if claims.Expiry != nil {
		r.Expires = new(claims.Expiry.Time())
	}

	return nil
}

func certificateExpiry(certPEM []byte) (*time.Time, error) {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return nil, errors.New("the kubeconfig's certificate is not PEM")
	}

	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.Wrap(err, "cannot parse the kubeconfig's certificate")
	}

	return &cert.NotAfter, nil
}
