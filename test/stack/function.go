//go:build linux

package stack

import (
	"context"
	"net"
	"strconv"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// FunctionEndpoint is where Crossplane calls the function.
type FunctionEndpoint struct {
	// Address is a host and port of this machine.
	Address string

	// CertsDir holds tls.crt, tls.key and ca.crt of the server.
	CertsDir string
}

// A functionPackage is a composition function that is installed.
type functionPackage struct {
	// name of the Function.
	name string

	// log of its process.
	log string

	// program to run, or empty if somebody else runs it.
	program string
}

// RunFunction waits until a version of our function is the active one, and does for it
// what a kubelet would: it runs the program in its package, unless the stack is without
// that, in place of the one before.
func (s *Stack) RunFunction(ctx context.Context, r Release) error {
	pkg, err := s.installed(v1alpha1.FunctionName, ourRegistry+"/"+v1alpha1.FunctionName)
	if err != nil {
		return err
	}

	rev, err := s.activeRevision(ctx, &pkgv1.FunctionRevisionList{}, pkg, r.Function.DigestStr())
	if err != nil {
		return err
	}

	f := functionPackage{name: pkg, log: logOf(ComponentFunction, r)}

	if !s.without(WithoutFunction) {
		if f.program, err = s.pull(ctx, rev.GetResolvedSource()); err != nil {
			return err
		}
	}

	former := s.ours

	if s.Function, s.ours, err = s.serveFunction(ctx, f, rev); err != nil {
		return err
	}

	if err := s.awaitPackage(ctx, &pkgv1.Function{ObjectMeta: metav1.ObjectMeta{Name: pkg}}); err != nil {
		return err
	}

	// Crossplane may still call the one before while the new one is not ready.
	if former != nil {
		former.Stop()
	}

	return nil
}

// InstallFunction installs a function of this checkout that only tests use, and
// serves it. The package is its Go package's path.
func (s *Stack) InstallFunction(ctx context.Context, name, goPackage string) error {
	program, err := s.BuildProgram(ctx, name, goPackage)
	if err != nil {
		return err
	}

	ref, err := s.packages().OtherFunction(ctx, name)
	if err != nil {
		return err
	}

	if err := s.Konflux.ApplyAll(ctx, &pkgv1.Function{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       pkgv1.FunctionSpec{PackageSpec: pkgv1.PackageSpec{Package: ref.Name()}},
	}); err != nil {
		return err
	}

	rev, err := s.activeRevision(ctx, &pkgv1.FunctionRevisionList{}, name, ref.DigestStr())
	if err != nil {
		return err
	}

	if _, _, err := s.serveFunction(ctx, functionPackage{name: name, log: name, program: program}, rev); err != nil {
		return err
	}

	return s.awaitPackage(ctx, &pkgv1.Function{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// serveFunction does for a revision what Crossplane leaves to an external runtime:
// it issues the server's certificate, runs the function, and tells where it is.
func (s *Stack) serveFunction(ctx context.Context, f functionPackage, rev pkgv1.PackageRevision) (FunctionEndpoint, *process.Process, error) {
	port, err := process.FreePort()
	if err != nil {
		return FunctionEndpoint{}, nil, err
	}

	secret, certs, err := s.serverCertificate(ctx, f.name)
	if err != nil {
		return FunctionEndpoint{}, nil, err
	}

	e := FunctionEndpoint{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), CertsDir: certs}

	var p *process.Process

	if f.program != "" {
		if p, err = s.run(f.log, f.program, s.debug(e.Args())); err != nil {
			return FunctionEndpoint{}, nil, err
		}
	}

	return e, p, s.reportRuntime(ctx, rev, secret, e.Address)
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
