//go:build linux

package stack

import (
	"context"

	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
)

// DeployKonflux changes the versions of the function and of the API in all environments,
// applies the Konflux cluster's manifests, and runs what is in the function's package.
func (s *Stack) DeployKonflux(ctx context.Context, r Release) error {
	if err := s.reconfigure(func(e *environments.Environment) {
		e.Versions.API = r.API
		e.Versions.Function = environments.Release{Version: r.Version, Digest: r.Function.DigestStr()}
	}); err != nil {
		return err
	}

	if err := s.ApplyKonflux(ctx); err != nil {
		return err
	}

	return s.RunFunction(ctx, r)
}

// DeployAppCI changes the versions of the reconciler and of the API on app.ci.
func (s *Stack) DeployAppCI(ctx context.Context, r Release) error {
	return s.deployAppCI(ctx, r, func(v *environments.AppCIVersions) { v.API = r.API })
}

// DeployReconciler changes the version of the reconciler alone.
func (s *Stack) DeployReconciler(ctx context.Context, r Release) error {
	return s.deployAppCI(ctx, r, func(*environments.AppCIVersions) {})
}

// deployAppCI changes versions, applies app.ci's manifests, and runs the reconciler that
// they name.
func (s *Stack) deployAppCI(ctx context.Context, r Release, change func(*environments.AppCIVersions)) error {
	if err := s.deploy(s.Deployment.written, func(f *environments.File) {
		change(&f.AppCI.Versions)
		f.AppCI.Versions.Reconciler = environments.Release{Version: r.Version, Digest: r.Reconciler.DigestStr()}
	}); err != nil {
		return err
	}

	if err := s.ApplyAppCI(ctx); err != nil {
		return err
	}

	return s.startReconciler(ctx, r)
}

// RetireLegacy takes the credential that all Konflux clusters have shared from app.ci.
func (s *Stack) RetireLegacy(ctx context.Context) error {
	if err := s.deploy(s.Deployment.written, func(f *environments.File) { f.AppCI.LegacyServiceAccount = false }); err != nil {
		return err
	}

	return s.ApplyAppCI(ctx)
}

// ApplyConfiguration installs a version of everything by one object, or says that the
// cluster is to have that version.
func (s *Stack) ApplyConfiguration(ctx context.Context, r Release) error {
	name := xpkg.ConfigurationName(xpkg.API(s.API))

	return s.Konflux.ApplyAll(ctx, &pkgv1.Configuration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       pkgv1.ConfigurationSpec{PackageSpec: pkgv1.PackageSpec{Package: ourRegistry + "/" + name + "@" + r.Configuration.DigestStr()}},
	})
}

// ApplyFunction says which version of the function that a Configuration has brought the
// cluster is to have.
func (s *Stack) ApplyFunction(ctx context.Context, r Release) error {
	repository := ourRegistry + "/" + v1alpha1.FunctionName

	name, err := s.installed(v1alpha1.FunctionName, repository)
	if err != nil {
		return err
	}

	return s.Konflux.ApplyAll(ctx, &pkgv1.Function{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       pkgv1.FunctionSpec{PackageSpec: pkgv1.PackageSpec{Package: repository + "@" + r.Function.DigestStr()}},
	})
}

// AwaitConfiguration waits until the cluster has a version of everything.
func (s *Stack) AwaitConfiguration(ctx context.Context, r Release) error {
	name := xpkg.ConfigurationName(xpkg.API(s.API))

	if _, err := s.activeRevision(ctx, &pkgv1.ConfigurationRevisionList{}, name, r.Configuration.DigestStr()); err != nil {
		return err
	}

	return s.awaitPackage(ctx, &pkgv1.Configuration{ObjectMeta: metav1.ObjectMeta{Name: name}})
}
