//go:build linux

package stack

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/kubeconfig"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

// The Konflux cluster is one of a staging environment, which keeps its
// EphemeralClusters where production does.
const (
	environment = "staging"

	// KonfluxClusterName is what the Konflux cluster is called on app.ci.
	KonfluxClusterName = "stone-stg-rh01"

	// besideClusterName is what one beside another stack's is called.
	besideClusterName = "stone-stage-p01"
)

// Directories of the generated manifests.
const (
	deployDir = "deploy"
	apiDir    = "api"
	appCIDir  = "app.ci"
	farmDir   = "build-farm"
)

// A Deployment is what is generated for the stack from gen/environments.yaml. It is
// what is committed in deploy/, but for the API that Konflux clusters serve and for
// versions: everything is of this checkout.
type Deployment struct {
	// File says what is deployed.
	File *environments.File

	// Credential is the Konflux cluster's, on app.ci.
	Credential environments.KonfluxCredential

	// written is File as it is written: when it is parsed, clusters take over what is
	// their environment's.
	written []byte

	// dir of the manifests.
	dir string
}

// paths are where generated files are made from, and of. They are written elsewhere.
func (s *Stack) paths() config.Paths {
	return config.Paths{Root: s.root, File: filepath.Join("gen", "environments.yaml"), Schema: "schema.json", Out: deployDir}
}

// deploy generates the manifests of all clusters: of a file, after a change.
func (s *Stack) deploy(written []byte, change func(*environments.File)) error {
	f := &environments.File{}
	if err := yaml.UnmarshalStrict(written, f); err != nil {
		return errors.Wrap(err, "cannot parse environments")
	}

	change(f)

	written, err := yaml.Marshal(f)
	if err != nil {
		return errors.Wrap(err, "cannot encode the stack's environments")
	}

	if f, err = environments.Parse(written); err != nil {
		return err
	}

	paths := s.paths()

	files, err := config.GenerateFrom(paths, written)
	if err != nil {
		return errors.Wrap(err, "cannot generate the stack's manifests")
	}

	d := &Deployment{File: f, written: written, dir: s.dir(deployDir)}

	d.Credential, _ = f.CredentialOf(s.konfluxClusterName())

	s.Deployment = d
	paths.Root = s.path

	return config.Write(paths, files)
}

// prepareDeployment publishes what is deployed, and generates the manifests of all
// clusters.
func (s *Stack) prepareDeployment(ctx context.Context) error {
	if err := s.startRegistry(); err != nil {
		return err
	}

	var err error
	if s.released, err = s.Release(ctx, s.builder.Root, ownVersion); err != nil {
		return err
	}

	provider := name.Digest{}

	if !s.CIOnly {
		if provider, err = s.packages().Provider(ctx, ""); err != nil {
			return err
		}
	}

	committed, err := os.ReadFile(filepath.Join(s.root, s.paths().File))
	if err != nil {
		return errors.Wrap(err, "cannot read environments")
	}

	return s.deploy(committed, func(f *environments.File) {
		f.AppCI.Versions.API = s.released.API

		if !s.without(WithoutReconciler) {
			f.AppCI.Versions.Reconciler = environments.Release{Version: ownVersion, Digest: s.released.Reconciler.DigestStr()}
		}

		for i := range f.Environments {
			e := &f.Environments[i]
			s.serve(e)
			e.Versions.API = s.released.API

			if !s.CIOnly {
				e.Versions.Function = environments.Release{Version: ownVersion, Digest: s.released.Function.DigestStr()}
				e.Versions.Provider.Digest = provider.DigestStr()
			}

			if s.ExternalSecrets && e.Name == environment {
				e.Credential.VaultPath = vaultPath
			}
		}
	})
}

// serve says what is served: by one cluster, or else in a whole environment.
func (s *Stack) serve(e *environments.Environment) {
	if s.Beside == nil {
		e.API = environments.Mode(s.API)

		return
	}

	for i := range e.Clusters {
		if c := &e.Clusters[i]; c.Name == besideClusterName {
			c.API = environments.Mode(s.API)
		}
	}
}

func (s *Stack) konfluxClusterName() string {
	if s.Beside != nil {
		return besideClusterName
	}

	return KonfluxClusterName
}

// reconfigure generates the manifests anew, after a change of every environment: what
// has one version is the same in all of them.
func (s *Stack) reconfigure(change func(*environments.Environment)) error {
	return s.deploy(s.Deployment.written, func(f *environments.File) {
		for i := range f.Environments {
			change(&f.Environments[i])
		}
	})
}

// Reconfigure generates the manifests anew, after a change of the Konflux cluster's
// environment, which ApplyAppCI and ApplyKonflux apply.
func (s *Stack) Reconfigure(change func(*environments.Environment)) error {
	return s.reconfigure(func(e *environments.Environment) {
		if e.Name == environment {
			change(e)
		}
	})
}

// ApplyAppCI applies app.ci's manifests.
func (s *Stack) ApplyAppCI(ctx context.Context) error {
	return s.applyTree(ctx, s.AppCI, filepath.Join(s.Deployment.dir, appCIDir))
}

// ApplyKonflux applies the Konflux cluster's manifests, and starts provider-kubernetes
// anew when they say so.
func (s *Stack) ApplyKonflux(ctx context.Context) error {
	if err := s.applyKonfluxTree(ctx); err != nil {
		return err
	}

	return s.rolloutProvider(ctx)
}

func (s *Stack) applyKonfluxTree(ctx context.Context) error {
	dir, err := s.kustomization("konflux-tree")
	if err != nil {
		return err
	}

	return s.applyTree(ctx, s.Konflux, dir)
}

// kustomization writes one of what of the Konflux cluster's tree it needs, which is less
// beside a Configuration, and returns its directory.
func (s *Stack) kustomization(name string, patches ...manifest.Patch) (string, error) {
	dir := s.dir(name)
	k := manifest.Kustomization{Resources: []string{filepath.Join(konflux.Dir, environment, s.konfluxClusterName())}, Patches: patches}

	if s.Configuration {
		k.Components = []string{konflux.ConfigurationDir(environments.Mode(s.API))}
	}

	for _, ways := range [][]string{k.Resources, k.Components} {
		for i := range ways {
			var err error
			if ways[i], err = filepath.Rel(dir, filepath.Join(s.Deployment.dir, ways[i])); err != nil {
				return "", errors.Wrap(err, "cannot find a kustomization")
			}
		}
	}

	b, err := yaml.Marshal(k)
	if err != nil {
		return "", errors.Wrap(err, "cannot write a kustomization")
	}

	return dir, errors.Wrap(os.WriteFile(filepath.Join(dir, manifest.KustomizationFile), b, 0o600), "cannot write a kustomization")
}

// ServeAPI makes the Konflux cluster serve an API. Whatever has served the other must
// be gone.
func (s *Stack) ServeAPI(ctx context.Context, api API) error {
	s.API = api

	if err := s.reconfigure(func(e *environments.Environment) { s.serve(e) }); err != nil {
		return err
	}

	if s.Configuration {
		var err error
		if s.released.Configuration, err = s.packages().Configuration(ctx, xpkg.API(api), s.released.Function); err != nil {
			return err
		}

		if err := s.ApplyConfiguration(ctx, s.released); err != nil {
			return err
		}
	}

	if err := s.ApplyKonflux(ctx); err != nil {
		return err
	}

	return s.awaitAPI(ctx)
}

// ProviderUser is what the API server of app.ci calls provider-kubernetes.
func (s *Stack) ProviderUser() string { return s.Deployment.Credential.Username() }

// applyTree applies generated manifests, as their README says to, and deletes what was
// applied before and is no longer there. What is refused is tried again, as Argo CD
// does: CRDs and policies take a moment to be in force.
func (s *Stack) applyTree(ctx context.Context, c *Cluster, tree string) error {
	built, err := s.kubectl(ctx, nil, "kustomize", tree)
	if err != nil {
		return err
	}

	objs, err := parseObjects(built)
	if err != nil {
		return errors.Wrapf(err, "cannot read what %s builds", tree)
	}

	if err := poll(ctx, func(ctx context.Context) error {
		if _, err := s.kubectl(ctx, built, "--kubeconfig="+c.AdminKubeconfig(), "apply",
			"--server-side", "--force-conflicts", "--field-manager="+string(fieldOwner), "--filename=-"); err != nil {
			return notYetError{err}
		}

		return nil
	}); err != nil {
		return errors.Wrapf(err, "cannot apply %s to %s", tree, c.Name)
	}

	for _, o := range objs {
		if err := c.awaitServed(ctx, o); err != nil {
			return err
		}
	}

	return prune(ctx, c, objs)
}

// prune deletes what a cluster's manifests had and have no longer, but for what Argo CD
// would leave to a person.
func prune(ctx context.Context, c *Cluster, applied []*unstructured.Unstructured) error {
	same := func(a, b *unstructured.Unstructured) bool {
		return a.GroupVersionKind().GroupKind() == b.GroupVersionKind().GroupKind() && client.ObjectKeyFromObject(a) == client.ObjectKeyFromObject(b)
	}

	for _, old := range c.applied {
		if strings.Contains(old.GetAnnotations()[manifest.AnnotationSyncOptions], manifest.Keep) ||
			slices.ContainsFunc(applied, func(o *unstructured.Unstructured) bool { return same(o, old) }) {
			continue
		}

		if err := client.IgnoreNotFound(c.Delete(ctx, old)); err != nil {
			return errors.Wrapf(err, "cannot prune %s %s of %s", old.GetKind(), old.GetName(), c.Name)
		}
	}

	c.applied = applied

	return nil
}

func (s *Stack) kubectl(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binaries[components.Kubectl], args...) //nolint:gosec // The stack's own program.
	cmd.Stdin = bytes.NewReader(in)

	stderr := &strings.Builder{}
	cmd.Stderr = stderr

	out, err := cmd.Output()

	return out, errors.Wrapf(err, "kubectl: %s", stderr)
}

// IssueCredential returns a kubeconfig of a version of the Konflux cluster's token, as
// the runbook has it.
func (s *Stack) IssueCredential(ctx context.Context, version int) ([]byte, error) {
	c := s.Deployment.Credential

	var b []byte

	return b, poll(ctx, func(ctx context.Context) error {
		var err error

		b, err = kubeconfig.Issue(ctx, s.AppCI.Admin(), kubeconfig.Request{
			Namespace:      c.Namespace,
			ServiceAccount: c.ServiceAccount,
			Secret:         c.TokenSecret(version),
			Cluster:        s.AppCI.Name,
		})
		if err != nil {
			return notYetError{err}
		}

		return nil
	})
}
