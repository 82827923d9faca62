//go:build linux

package stack

import (
	"context"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	pkgv1beta1 "github.com/crossplane/crossplane/apis/v2/pkg/v1beta1"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/packages"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
)

// Registries that packages are published in.
const (
	ourRegistry      = "quay.io/" + packages.OurRepository
	providerRegistry = "xpkg.crossplane.io/" + packages.ProviderRepository
)

func (s *Stack) packages() packages.Builder {
	return packages.Builder{
		Root:       s.builder.Root,
		Components: s.builder,
		Dir:        s.dir("packages"),
		Registry:   s.registry,
		Version:    ownVersion,
	}
}

// redirectImages makes Crossplane pull from the stack's registry what is published in
// others, under the names it has there.
func (s *Stack) redirectImages(ctx context.Context) error {
	redirect := func(name, from, to string) *pkgv1beta1.ImageConfig {
		return &pkgv1beta1.ImageConfig{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: pkgv1beta1.ImageConfigSpec{
				MatchImages:  []pkgv1beta1.ImageMatch{{Type: pkgv1beta1.Prefix, Prefix: from}},
				RewriteImage: &pkgv1beta1.ImageRewrite{Prefix: s.registry + "/" + to},
			},
		}
	}

	return s.Konflux.ApplyAll(ctx,
		redirect("stack-ours", ourRegistry, packages.OurRepository),
		redirect("stack-provider", providerRegistry, packages.ProviderRepository),
	)
}

// installed returns what a package is called on the Konflux cluster: Crossplane names
// those that a Configuration depends on after where they are published.
func (s *Stack) installed(pkg, repository string) (string, error) {
	if s.Configuration {
		return xpkg.DependencyName(repository)
	}

	return pkg, nil
}

// activeRevision returns a package's active revision, of the kind that a list has, once
// there is one, it is of a digest (any, if that is empty), and it is known where it was
// pulled from.
func (s *Stack) activeRevision(ctx context.Context, list interface {
	client.ObjectList
	pkgv1.PackageRevisionList
}, pkg, digest string,
) (pkgv1.PackageRevision, error) {
	var active pkgv1.PackageRevision

	return active, poll(ctx, func(ctx context.Context) error {
		if err := s.Konflux.List(ctx, list, client.MatchingLabels{pkgv1.LabelParentPackage: pkg}); err != nil {
			return errors.Wrap(err, "cannot list package revisions")
		}

		for _, r := range list.GetRevisions() {
			if r.GetDesiredState() == pkgv1.PackageRevisionActive && r.GetResolvedSource() != "" && strings.HasSuffix(r.GetSource(), digest) {
				active = r

				return nil
			}
		}

		return notYetError{errors.Errorf("package %s has no active revision of %q yet", pkg, digest)}
	})
}

// serverCertificate issues the certificate of a package's server, and returns the
// Secret it is in and the directory with its files.
func (s *Stack) serverCertificate(ctx context.Context, pkg string) (*string, string, error) {
	// Crossplane only names the Secret in the revision when it runs packages itself.
	name := pkgv1.GetSecretNameWithSuffix(pkg, pkgv1.TLSServerSecretNameSuffix)

	subject := pki.Loopback(pkg)
	subject.DNSNames = append(subject.DNSNames, pkg+"."+crossplaneNamespace+".svc")

	secret := types.NamespacedName{Namespace: crossplaneNamespace, Name: *name}
	if err := s.issueCertificate(ctx, secret, subject); err != nil {
		return nil, "", err
	}

	dir, err := s.secretDir(ctx, s.Konflux, secret)

	return name, dir, err
}

// reportRuntime tells Crossplane, which leaves it to the stack to run packages, that a
// revision runs, and with which certificate. A function's endpoint is told too.
func (s *Stack) reportRuntime(ctx context.Context, o pkgv1.PackageRevision, secret *string, endpoint string) error {
	rev, ok := o.(pkgv1.PackageRevisionWithRuntime)
	if !ok {
		return errors.Errorf("a %T has no runtime", o)
	}

	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := s.Konflux.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}

		if f, ok := rev.(*pkgv1.FunctionRevision); ok {
			f.Status.Endpoint = endpoint
		}

		rev.SetObservedTLSServerSecretName(secret)
		rev.SetConditions(pkgv1.RuntimeHealthy())

		return s.Konflux.Status().Update(ctx, o)
	})

	return errors.Wrapf(err, "cannot report that package revision %s runs", o.GetName())
}

// awaitPackage waits until the package manager calls a package installed and healthy.
func (s *Stack) awaitPackage(ctx context.Context, p pkgv1.Package) error {
	return poll(ctx, func(ctx context.Context) error {
		if err := s.Konflux.Get(ctx, client.ObjectKeyFromObject(p), p); err != nil && !kerrors.IsNotFound(err) {
			return errors.Wrap(err, "cannot get the package")
		}

		for _, t := range []xpv2.ConditionType{pkgv1.TypeInstalled, pkgv1.TypeHealthy} {
			if c := p.GetCondition(t); c.Status != corev1.ConditionTrue {
				return notYetError{errors.Errorf("package %s is not %s: %s %s", p.GetName(), t, c.Reason, c.Message)}
			}
		}

		return nil
	})
}
