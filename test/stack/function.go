//go:build linux

package stack

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// FunctionName is the name of our function's package.
const FunctionName = "function-testplatform-cluster"

// packageVersion tags packages that are built for this stack only.
const packageVersion = "v0.0.0-stack"

// FunctionEndpoint is where Crossplane calls the function.
type FunctionEndpoint struct {
	// Address is a host and port of this machine.
	Address string

	// CertsDir holds tls.crt, tls.key and ca.crt of the server.
	CertsDir string
}

// installFunction installs our function through Crossplane's package manager, from
// a registry of our own, and returns once the package is healthy.
func (s *Stack) installFunction(ctx context.Context) error {
	ref, err := s.pushFunction(ctx)
	if err != nil {
		return err
	}

	if err := s.Konflux.ApplyAll(ctx, &pkgv1.Function{
		ObjectMeta: metav1.ObjectMeta{Name: FunctionName},
		Spec:       pkgv1.FunctionSpec{PackageSpec: pkgv1.PackageSpec{Package: ref}},
	}); err != nil {
		return err
	}

	rev, err := s.activeRevision(ctx)
	if err != nil {
		return err
	}

	if err := s.serveFunction(ctx, rev); err != nil {
		return err
	}

	return s.waitFunction(ctx)
}

// pushFunction builds the package with Crossplane's CLI and pushes it to a registry
// that lives as long as the stack. It returns the package's reference.
func (s *Stack) pushFunction(ctx context.Context) (string, error) {
	file := filepath.Join(s.dir("packages"), FunctionName+".xpkg")

	if err := s.runToEnd(ctx, "crossplane-xpkg", s.binaries[components.CrossplaneCLI], "xpkg", "build",
		"--package-root="+filepath.Join(s.builder.Root, "package"), "--package-file="+file); err != nil {
		return "", err
	}

	host, err := s.startRegistry()
	if err != nil {
		return "", err
	}

	ref, err := name.ParseReference(host + "/ephemeral-clusters/" + FunctionName + ":" + packageVersion)
	if err != nil {
		return "", errors.Wrap(err, "cannot name the function's package")
	}

	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return "", errors.Wrap(err, "cannot read the function's package")
	}

	return ref.Name(), errors.Wrap(remote.Write(ref, img, remote.WithContext(ctx)), "cannot push the function's package")
}

// startRegistry serves an empty registry on a free port.
func (s *Stack) startRegistry() (string, error) {
	port, err := process.FreePort()
	if err != nil {
		return "", err
	}

	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // Returns at once.
	if err != nil {
		return "", errors.Wrap(err, "cannot listen for the registry")
	}

	srv := &http.Server{
		Handler:           registry.New(registry.Logger(s.nopLog())),
		ReadHeaderTimeout: 10 * time.Second,
	}

	go srv.Serve(l) //nolint:errcheck // Ends with the stack.

	s.onStop(func() { _ = srv.Close() })

	return l.Addr().String(), nil
}

// activeRevision returns the function's active revision once there is one.
func (s *Stack) activeRevision(ctx context.Context) (*pkgv1.FunctionRevision, error) {
	rev := &pkgv1.FunctionRevision{}

	return rev, poll(ctx, func(ctx context.Context) error {
		l := &pkgv1.FunctionRevisionList{}
		if err := s.Konflux.List(ctx, l, client.MatchingLabels{pkgv1.LabelParentPackage: FunctionName}); err != nil {
			return errors.Wrap(err, "cannot list FunctionRevisions")
		}

		for i := range l.Items {
			if l.Items[i].GetDesiredState() == pkgv1.PackageRevisionActive {
				*rev = l.Items[i]

				return nil
			}
		}

		return notYetError{errors.Errorf("Function %s has no active revision yet", FunctionName)}
	})
}

// serveFunction does for a revision what Crossplane leaves to an external runtime:
// it issues the server's certificate, runs the function, and tells where it is.
func (s *Stack) serveFunction(ctx context.Context, rev *pkgv1.FunctionRevision) error {
	port, err := process.FreePort()
	if err != nil {
		return err
	}

	// Crossplane only names the Secret in the revision when it runs packages itself.
	name := pkgv1.GetSecretNameWithSuffix(FunctionName, pkgv1.TLSServerSecretNameSuffix)

	secret := types.NamespacedName{Namespace: crossplaneNamespace, Name: *name}
	if err := s.issueCertificate(ctx, secret, pki.Loopback(FunctionName)); err != nil {
		return err
	}

	certs, err := s.secretDir(ctx, s.Konflux, secret)
	if err != nil {
		return err
	}

	s.Function = FunctionEndpoint{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), CertsDir: certs}

	if !s.without(WithoutFunction) {
		if _, err := s.run(ComponentFunction, s.own("fn"), s.debug(s.Function.Args())); err != nil {
			return err
		}
	}

	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := s.Konflux.Get(ctx, client.ObjectKeyFromObject(rev), rev); err != nil {
			return err
		}

		rev.Status.Endpoint = s.Function.Address
		rev.SetObservedTLSServerSecretName(name)
		rev.SetConditions(pkgv1.RuntimeHealthy())

		return s.Konflux.Status().Update(ctx, rev)
	})

	return errors.Wrap(err, "cannot report the function's endpoint")
}

// Args are the function's flags that serve it at this endpoint.
func (e FunctionEndpoint) Args() []string {
	return []string{"--address=" + e.Address, "--tls-certs-dir=" + e.CertsDir, "--metrics-address="}
}

// issueCertificate signs a server's certificate with Crossplane's own authority, as
// the runtime that Crossplane comes with does, and keeps it in a Secret.
func (s *Stack) issueCertificate(ctx context.Context, key types.NamespacedName, subject pki.Subject) error {
	root := &corev1.Secret{}
	if err := s.Konflux.Get(ctx, types.NamespacedName{Namespace: crossplaneNamespace, Name: caSecret}, root); err != nil {
		return errors.Wrap(err, "cannot get Crossplane's certificate authority")
	}

	ca, err := pki.LoadAuthority(root.Data[corev1.TLSCertKey], root.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return err
	}

	cert, priv, err := ca.Issue(subject)
	if err != nil {
		return err
	}

	return s.Konflux.ApplyAll(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{corev1.TLSCertKey: cert, corev1.TLSPrivateKeyKey: priv, "ca.crt": ca.CertPEM},
	})
}

// waitFunction waits until the package manager calls the function installed and
// healthy.
func (s *Stack) waitFunction(ctx context.Context) error {
	f := &pkgv1.Function{}

	return poll(ctx, func(ctx context.Context) error {
		if err := s.Konflux.Get(ctx, types.NamespacedName{Name: FunctionName}, f); err != nil && !kerrors.IsNotFound(err) {
			return errors.Wrap(err, "cannot get the Function")
		}

		for _, t := range []xpv2.ConditionType{pkgv1.TypeInstalled, pkgv1.TypeHealthy} {
			if c := f.GetCondition(t); c.Status != corev1.ConditionTrue {
				return notYetError{errors.Errorf("Function %s is not %s: %s %s", FunctionName, t, c.Reason, c.Message)}
			}
		}

		return nil
	})
}
