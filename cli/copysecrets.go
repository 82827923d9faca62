package main

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/kubeconfig"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/secrets"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// clusterTimeout is how long a request of an ephemeral cluster may take.
const clusterTimeout = 30 * time.Second

type copySecretsCmd struct {
	CredentialsSecret string  `help:"Secret of your namespace that has the cluster's kubeconfig."                 placeholder:"NAME"      required:""`
	TargetNamespace   string  `help:"Namespace of the cluster to copy to. It must exist."                         placeholder:"NAME"      required:""`
	LabelSelector     string  `help:"Which Secrets of your namespace to copy, such as app=demo or copy in (yes)." placeholder:"SELECTOR"  required:""`
	Timeout           timeout `default:"5m"                                                                       help:"How long to try."`
}

// Help is what `tpc copy-secrets --help` says beyond its flags.
func (*copySecretsCmd) Help() string {
	return `Secrets keep their names, contents, types, labels and annotations, without those by which Argo CD, External Secrets,
Helm and kubectl keep track of them. One of the same name is replaced, unless it is immutable. When none matches, that is
a failure, and so is a token of a ServiceAccount among them: it must not leave the cluster.`
}

// Validate refuses what no API server would understand.
func (c *copySecretsCmd) Validate() error {
	var problems request.UsageErrors

	selector, err := labels.Parse(c.LabelSelector)

	switch {
	case c.LabelSelector == "":
		problems = append(problems, request.Problem{Flags: "--label-selector", Text: "is required"})
	case err != nil:
		problems = append(problems, request.Problem{Flags: "--label-selector", Text: err.Error()})
	case selector.Empty():
		problems = append(problems, request.Problem{Flags: "--label-selector", Text: "must not be empty: it would select every Secret of the namespace"})
	}

	for _, f := range []struct{ flag, value string }{
		{"--target-namespace", c.TargetNamespace},
		{"--credentials-secret", c.CredentialsSecret},
	} {
		if f.value == "" {
			problems = append(problems, request.Problem{Flags: f.flag, Text: "is required"})
		} else if wrong := request.WrongName(f.value); wrong != "" {
			problems = append(problems, request.Problem{Flags: f.flag, Text: wrong})
		}
	}

	if c.Timeout <= 0 {
		problems = append(problems, request.Problem{Flags: "--timeout", Text: "must be positive"})
	}

	return firstOf(problems, nil)
}

// Run copies Secrets.
func (c *copySecretsCmd) Run(ctx context.Context, w *world) error {
	ctx, cancel := within(ctx, time.Duration(c.Timeout))
	defer cancel()

	t, err := w.connect()
	if err != nil {
		return err
	}

	to, err := c.target(ctx, w, t)
	if err != nil {
		return err
	}

	var selected []corev1.Secret

	err = w.retry(ctx, func(ctx context.Context) error {
		selected, err = secrets.Select(ctx, t.Core(), c.LabelSelector)

		return err
	})
	if err != nil {
		return err
	}

	if len(selected) == 0 {
		return errors.Errorf("no Secret of namespace %s matches %s", t.Namespace, c.LabelSelector)
	}

	copied := make([]string, 0, len(selected))

	for i := range selected {
		if err := w.retry(ctx, func(ctx context.Context) error { return secrets.Copy(ctx, to, &selected[i]) }); err != nil {
			return err
		}

		copied = append(copied, selected[i].GetName())
		w.sayf("copied Secret %s", selected[i].GetName())
	}

	return w.record(map[string]any{"copied": copied, "namespace": c.TargetNamespace})
}

// target returns the Secrets of the cluster's namespace.
func (c *copySecretsCmd) target(ctx context.Context, w *world, t *tenant.Tenant) (corev1client.SecretInterface, error) {
	var b []byte

	err := w.retry(ctx, func(ctx context.Context) (err error) {
		b, err = t.Kubeconfig(ctx, c.CredentialsSecret, "")

		return err
	})
	if err != nil {
		return nil, err
	}

	access, err := kubeconfig.Parse(b)
	if err != nil {
		return nil, errors.Wrapf(err, "Secret %q", c.CredentialsSecret)
	}

	cfg, err := access.Client(w.userAgent())
	if err != nil {
		return nil, errors.Wrapf(err, "Secret %q", c.CredentialsSecret)
	}

	cfg.Timeout = clusterTimeout

	core, err := corev1client.NewForConfig(cfg)
	if err != nil {
		return nil, errors.Wrapf(err, "Secret %q", c.CredentialsSecret)
	}

	err = w.retry(ctx, func(ctx context.Context) error {
		_, err := core.Namespaces().Get(ctx, c.TargetNamespace, metav1.GetOptions{})

		return err
	})
	if kerrors.IsNotFound(err) {
		return nil, errors.Errorf("namespace %q does not exist on the cluster", c.TargetNamespace)
	}

	return core.Secrets(c.TargetNamespace), errors.Wrap(err, "cannot reach the cluster")
}
