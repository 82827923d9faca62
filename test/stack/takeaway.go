//go:build linux

package stack

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
)

// TakeAway goes through "Take it away" of deploy/README.md, on a Konflux cluster whose
// clusters have ended. It returns what must be gone then.
func (s *Stack) TakeAway(ctx context.Context) ([]client.Object, error) {
	// 1. Nothing lives by any of it any more.
	if err := s.DeleteUsages(ctx, ""); err != nil {
		return nil, err
	}

	// 2. What tenants ask with.
	definition := konflux.DefinitionName(environments.Mode(s.API))

	if s.Configuration {
		if err := s.DeleteConfiguration(ctx); err != nil {
			return nil, err
		}
	} else if err := s.kubectlKonflux(ctx, "delete", "xrd", definition); err != nil {
		return nil, err
	}

	// 3. What the provider still has to let go.
	configs := filepath.Join(s.Deployment.dir, konflux.Dir, "base", "common", "provider-config.yaml")
	if err := s.kubectlKonflux(ctx, "delete", "--filename="+configs); err != nil {
		return nil, err
	}

	// 4. The tree.
	gone, err := s.deleteTree(ctx)
	if err != nil || !s.Configuration {
		return gone, err
	}

	// 5. What the Configuration has brought.
	for _, p := range []struct {
		resource, repository string
		object               client.Object
	}{
		{"functions.pkg.crossplane.io", ourRegistry + "/" + v1alpha1.FunctionName, &pkgv1.Function{}},
		{"providers.pkg.crossplane.io", providerRegistry, &pkgv1.Provider{}},
	} {
		name, err := xpkg.DependencyName(p.repository)
		if err != nil {
			return nil, err
		}

		if err := s.kubectlKonflux(ctx, "delete", p.resource, name); err != nil {
			return nil, err
		}

		p.object.SetName(name)
		gone = append(gone, p.object)
	}

	return gone, nil
}

// DeleteUsages lets go of what live clusters depend on: of all that, or of one thing.
func (s *Stack) DeleteUsages(ctx context.Context, of string) error {
	out, err := s.kubectl(ctx, nil, "--kubeconfig="+s.Konflux.AdminKubeconfig(), "get", "clusterusages", "--output=name")
	if err != nil {
		return err
	}

	var ours []string

	for usage := range strings.FieldsSeq(string(out)) {
		if strings.Contains(usage, "/testplatform-"+of) {
			ours = append(ours, usage)
		}
	}

	return s.kubectlKonflux(ctx, append([]string{"delete"}, ours...)...)
}

// DeleteConfiguration takes away the Configuration, and waits until what it has brought
// for tenants is gone too.
func (s *Stack) DeleteConfiguration(ctx context.Context) error {
	name := xpkg.ConfigurationName(xpkg.API(s.API))

	if err := s.kubectlKonflux(ctx, "delete", "configurations.pkg.crossplane.io", name); err != nil {
		return err
	}

	return s.kubectlKonflux(ctx, "wait", "--for=delete", "--timeout=2m", "crd/"+v1alpha1.Plural+"."+v1alpha1.Group)
}

// deleteTree deletes what is generated for the Konflux cluster, but for what others live in
// and what went before the provider.
func (s *Stack) deleteTree(ctx context.Context) ([]client.Object, error) {
	dir, err := s.kustomization("take-away", manifest.Patch{
		Target: manifest.Target{Kind: "Namespace|ProviderConfig|ClusterProviderConfig"},
		Patch:  "$patch: delete\napiVersion: v1\nkind: Any\nmetadata: {name: any}\n",
	})
	if err != nil {
		return nil, err
	}

	built, err := s.kubectl(ctx, nil, "kustomize", dir)
	if err != nil {
		return nil, err
	}

	objs, err := parseObjects(built)
	if err != nil {
		return nil, errors.Wrap(err, "cannot read what is to be deleted")
	}

	gone := make([]client.Object, len(objs))
	for i, o := range objs {
		gone[i] = o
	}

	return gone, s.kubectlKonflux(ctx, "delete", "--ignore-not-found", "--kustomize="+dir)
}

func (s *Stack) kubectlKonflux(ctx context.Context, args ...string) error {
	_, err := s.kubectl(ctx, nil, append([]string{"--kubeconfig=" + s.Konflux.AdminKubeconfig()}, args...)...)

	return err
}
