//go:build linux

package stack

import (
	"context"
	"net"
	"path/filepath"
	"strconv"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	pkgmetav1 "github.com/crossplane/crossplane/apis/v2/pkg/meta/v1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// FunctionName is the name of our function's package.
const FunctionName = "function-testplatform-cluster"

// FunctionEndpoint is where Crossplane calls the function.
type FunctionEndpoint struct {
	// Address is a host and port of this machine.
	Address string

	// CertsDir holds tls.crt, tls.key and ca.crt of the server.
	CertsDir string
}

// A functionPackage is a composition function to be installed.
type functionPackage struct {
	// name of the Function, and root directory of its package.
	name string
	root string

	// log of its process.
	log string

	// program to run, or empty if somebody else runs it.
	program string
}

// installOurs installs our function, and serves it unless that is left out.
func (s *Stack) installOurs(ctx context.Context) error {
	f := functionPackage{name: FunctionName, root: filepath.Join(s.builder.Root, "package", "function"), log: ComponentFunction}
	if !s.without(WithoutFunction) {
		f.program = s.own("fn")
	}

	var err error

	s.Function, err = s.installFunction(ctx, f)

	return err
}

// InstallFunction installs a function of this checkout that only tests use, and
// serves it. The package is its Go package's path.
func (s *Stack) InstallFunction(ctx context.Context, name, goPackage string) error {
	program := s.own(name)
	if err := s.runToEnd(ctx, "go-build", goBinary(), "build", "-o", program, goPackage); err != nil {
		return err
	}

	root := s.dir("packages", name)

	meta, err := yaml.Marshal(&pkgmetav1.Function{
		TypeMeta:   metav1.TypeMeta{APIVersion: pkgmetav1.SchemeGroupVersion.String(), Kind: pkgmetav1.FunctionKind},
		ObjectMeta: metav1.ObjectMeta{Name: name},
	})
	if err != nil {
		return errors.Wrapf(err, "cannot describe the package of %s", name)
	}

	if err := writeFiles(root, map[string][]byte{"crossplane.yaml": meta}); err != nil {
		return err
	}

	_, err = s.installFunction(ctx, functionPackage{name: name, root: root, log: name, program: program})

	return err
}

// installFunction installs a function through Crossplane's package manager, from a
// registry of our own, and returns where it is served once the package is healthy.
func (s *Stack) installFunction(ctx context.Context, f functionPackage) (FunctionEndpoint, error) {
	ref, err := s.pushPackage(ctx, f.name, f.root)
	if err != nil {
		return FunctionEndpoint{}, err
	}

	if err := s.Konflux.ApplyAll(ctx, &pkgv1.Function{
		ObjectMeta: metav1.ObjectMeta{Name: f.name},
		Spec:       pkgv1.FunctionSpec{PackageSpec: pkgv1.PackageSpec{Package: ref}},
	}); err != nil {
		return FunctionEndpoint{}, err
	}

	rev, err := s.activeRevision(ctx, f.name)
	if err != nil {
		return FunctionEndpoint{}, err
	}

	e, err := s.serveFunction(ctx, f, rev)
	if err != nil {
		return FunctionEndpoint{}, err
	}

	return e, s.waitFunction(ctx, f.name)
}

// activeRevision returns the function's active revision once there is one.
func (s *Stack) activeRevision(ctx context.Context, function string) (*pkgv1.FunctionRevision, error) {
	rev := &pkgv1.FunctionRevision{}

	return rev, poll(ctx, func(ctx context.Context) error {
		l := &pkgv1.FunctionRevisionList{}
		if err := s.Konflux.List(ctx, l, client.MatchingLabels{pkgv1.LabelParentPackage: function}); err != nil {
			return errors.Wrap(err, "cannot list FunctionRevisions")
		}

		for i := range l.Items {
			if l.Items[i].GetDesiredState() == pkgv1.PackageRevisionActive {
				*rev = l.Items[i]

				return nil
			}
		}

		return notYetError{errors.Errorf("Function %s has no active revision yet", function)}
	})
}

// serveFunction does for a revision what Crossplane leaves to an external runtime:
// it issues the server's certificate, runs the function, and tells where it is.
func (s *Stack) serveFunction(ctx context.Context, f functionPackage, rev *pkgv1.FunctionRevision) (FunctionEndpoint, error) {
	port, err := process.FreePort()
	if err != nil {
		return FunctionEndpoint{}, err
	}

	// Crossplane only names the Secret in the revision when it runs packages itself.
	name := pkgv1.GetSecretNameWithSuffix(f.name, pkgv1.TLSServerSecretNameSuffix)

	secret := types.NamespacedName{Namespace: crossplaneNamespace, Name: *name}
	if err := s.issueCertificate(ctx, secret, pki.Loopback(f.name)); err != nil {
		return FunctionEndpoint{}, err
	}

	certs, err := s.secretDir(ctx, s.Konflux, secret)
	if err != nil {
		return FunctionEndpoint{}, err
	}

	e := FunctionEndpoint{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), CertsDir: certs}

	if f.program != "" {
		if _, err := s.run(f.log, f.program, s.debug(e.Args())); err != nil {
			return FunctionEndpoint{}, err
		}
	}

	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := s.Konflux.Get(ctx, client.ObjectKeyFromObject(rev), rev); err != nil {
			return err
		}

		rev.Status.Endpoint = e.Address
		rev.SetObservedTLSServerSecretName(name)
		rev.SetConditions(pkgv1.RuntimeHealthy())

		return s.Konflux.Status().Update(ctx, rev)
	})

	return e, errors.Wrap(err, "cannot report the function's endpoint")
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
func (s *Stack) waitFunction(ctx context.Context, name string) error {
	f := &pkgv1.Function{}

	return poll(ctx, func(ctx context.Context) error {
		if err := s.Konflux.Get(ctx, types.NamespacedName{Name: name}, f); err != nil && !kerrors.IsNotFound(err) {
			return errors.Wrap(err, "cannot get the Function")
		}

		for _, t := range []xpv2.ConditionType{pkgv1.TypeInstalled, pkgv1.TypeHealthy} {
			if c := f.GetCondition(t); c.Status != corev1.ConditionTrue {
				return notYetError{errors.Errorf("Function %s is not %s: %s %s", name, t, c.Reason, c.Message)}
			}
		}

		return nil
	})
}
