//go:build linux

package tekton

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// Images that tasks and example pipelines name.
const (
	ImageTPC = "quay.io/ephemeral-clusters/tpc"
	ImageCLI = "quay.io/openshift/origin-cli"
)

// serviceAccount is what steps run as.
const serviceAccount = "pipeline"

// apiVersion is the only version of Tekton's API that is served: another would be
// converted by Tekton's webhook.
const apiVersion = "v1"

// Install makes a namespace of a stack's Konflux cluster a tenant's, who has pipelines,
// and returns what runs them. Steps have the rights to ask for clusters and to read
// Secrets, and no others.
func Install(ctx context.Context, s *stack.Stack, namespace string, out io.Writer) (*Runner, error) {
	if err := installCRDs(ctx, s); err != nil {
		return nil, err
	}

	tpc, err := BuildTPC(ctx, s)
	if err != nil {
		return nil, err
	}

	path := filepath.Join(s.Path(), "images", "cli")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, errors.Wrap(err, "cannot make a directory")
	}

	// It does as oc here.
	if err := components.Link(path, map[string]string{"oc": s.Binary(components.Kubectl), "kubectl": s.Binary(components.Kubectl)}); err != nil {
		return nil, err
	}

	kubeconfig, err := Tenant(ctx, s, namespace)
	if err != nil {
		return nil, err
	}

	return New(Options{
		Config:     s.Konflux.Admin(),
		Kubeconfig: kubeconfig,
		Root:       s.Root(),
		Images: map[string]Image{
			ImageTPC: {Entrypoint: tpc},
			ImageCLI: {Path: path},
		},
		Out: out,
	})
}

// BuildTPC builds the CLI of this checkout, and returns its path.
func BuildTPC(ctx context.Context, s *stack.Stack) (string, error) {
	return s.BuildProgram(ctx, "tpc", "./cli")
}

// installCRDs serves PipelineRuns and TaskRuns.
func installCRDs(ctx context.Context, s *stack.Stack) error {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tektoncd/pipeline")
	list.Dir = s.Root()

	module, err := list.Output()
	if err != nil {
		return errors.Wrap(err, "cannot find Tekton's sources")
	}

	for _, name := range []string{"300-pipelinerun.yaml", "300-taskrun.yaml"} {
		b, err := os.ReadFile(filepath.Join(string(module[:len(module)-1]), "config", "300-crds", name)) //nolint:gosec // The module is Tekton's.
		if err != nil {
			return errors.Wrap(err, "cannot read a CRD of Tekton's")
		}

		crd := &extv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(b, crd); err != nil {
			return errors.Wrap(err, "cannot parse a CRD of Tekton's")
		}

		var served []extv1.CustomResourceDefinitionVersion

		for _, v := range crd.Spec.Versions {
			if v.Name == apiVersion {
				served = append(served, v)
			}
		}

		crd.Spec.Versions, crd.Spec.Conversion = served, nil

		if err := s.Konflux.ApplyAll(ctx, crd); err != nil {
			return err
		}
	}

	return nil
}

// Tenant makes a namespace with the ServiceAccount that a tenant's pipelines run as, and
// returns the path of its kubeconfig.
func Tenant(ctx context.Context, s *stack.Stack, namespace string) (string, error) {
	b, err := s.Konflux.ServiceAccountKubeconfig(ctx, s.Konflux.Name, namespace, serviceAccount)
	if err != nil {
		return "", err
	}

	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: serviceAccount}}
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }

	rights := []client.Object{
		&rbacv1.RoleBinding{
			ObjectMeta: meta("pipeline-clusters"),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: konflux.EditRole},
			Subjects:   subjects,
		},
		&rbacv1.Role{
			ObjectMeta: meta("pipeline-secrets"),
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{corev1.GroupName}, Resources: []string{"secrets"}, Verbs: []string{"get", "list"}}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: meta("pipeline-secrets"),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "pipeline-secrets"},
			Subjects:   subjects,
		},
	}
	if err := s.Konflux.ApplyAll(ctx, rights...); err != nil {
		return "", err
	}

	cfg, err := clientcmd.Load(b)
	if err != nil {
		return "", errors.Wrap(err, "cannot load a kubeconfig")
	}

	// As it is in a Pod.
	for _, c := range cfg.Contexts {
		c.Namespace = namespace
	}

	path := filepath.Join(s.Path(), "kubeconfigs", "pipeline-"+namespace)

	return path, errors.Wrap(clientcmd.WriteToFile(*cfg, path), "cannot write a kubeconfig")
}
