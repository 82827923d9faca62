package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/moby/sys/atomicwriter"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/kubeconfig"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/live"
)

const modeSecret = 0o600

type kubeconfigCmd struct {
	Context        string        `help:"Kubeconfig context of the cluster; the current one when empty."                                                                                    placeholder:"CONTEXT"`
	Namespace      string        `help:"Namespace of the ServiceAccount."                                                                                                                  placeholder:"NAMESPACE"`
	ServiceAccount string        `help:"ServiceAccount to issue a kubeconfig for."                                                                                                         placeholder:"NAME"`
	Secret         string        `help:"Use the long-lived token of this Secret of the ServiceAccount, in place of one that expires."                                                      placeholder:"NAME"`
	Duration       time.Duration `default:"2160h"                                                                                                                                          help:"How long an issued token is valid."`
	Name           string        `help:"What the kubeconfig calls the cluster and its context. Prow and the reconciler know a build cluster by it. For app.ci's credentials it is app.ci." placeholder:"NAME"`
	Server         string        `help:"URL of the API server that the kubeconfig is to have; that of the context when empty, which may be your own way there."                            placeholder:"URL"`
	CA             string        `help:"File with the certificate authority that the kubeconfig is to have; that of the context when empty."                                               name:"certificate-authority"                                placeholder:"FILE"`
	Out            string        `default:"-"                                                                                                                                              help:"File to write, with mode 0600; - is standard output." placeholder:"FILE"`

	Check    string        `help:"Issue nothing; tell who the kubeconfig of this file is, what it may do and when it expires. - is standard input." placeholder:"FILE"`
	Margin   time.Duration `default:"168h"                                                                                                          help:"With --check, fail when the credential expires within this."`
	RightsIn []string      `default:"ephemeral-cluster"                                                                                             help:"With --check, namespaces to tell the rights in."             placeholder:"NAMESPACE"`
}

// Help is what `gen kubeconfig --help` says beyond its flags.
func (*kubeconfigCmd) Help() string {
	return `Rotation without interruption: generate a second token Secret beside the first
(tokenVersions in gen/environments.yaml), apply it to app.ci, issue a kubeconfig of
it with --secret, and put that in the vault. Once --check says of every Konflux
cluster's Secret that it is the new one, say so (tokenInUse) and apply the clusters'
trees: that starts provider-kubernetes anew, whose watches would otherwise end with
the old token. Then remove the old version and apply app.ci's tree: deleting its Secret
revokes the old token. deploy/README.md has every step.

With --check it exits 0 when the credential is accepted and lasts, and 1 when it is
refused, cannot be examined, expires within --margin, or goes to a server that is not
verified.

A context that does not verify its server is refused. Neither a proxy of the context nor
anything else of how you reach the cluster is passed on, but its server is: see --server.`
}

// Validate refuses flags that do not go together.
func (c *kubeconfigCmd) Validate() error {
	switch {
	case c.Check != "" && (c.ServiceAccount != "" || c.Secret != "" || c.Namespace != "" || c.Server != "" || c.CA != ""):
		return errors.New("--check examines a file, and takes no ServiceAccount, Secret, namespace, server or certificate authority")
	case c.Check == "" && (c.ServiceAccount == "" || c.Namespace == ""):
		return errors.New("--namespace and --service-account say whose kubeconfig to issue, or --check which to examine")
	case c.Check == "" && c.Name == "" && c.Namespace != environments.CredentialsNamespace:
		return errors.New("--name says what the kubeconfig calls the cluster: for a build cluster the alias that Prow has for it")
	}

	return nil
}

// Run issues a kubeconfig, or examines one.
func (c *kubeconfigCmd) Run(ctx context.Context, k *kong.Context) error {
	if c.Check != "" {
		return c.check(ctx, k.Stdout)
	}

	cfg, err := live.Config(c.Context)
	if err != nil {
		return err
	}

	b, err := kubeconfig.Issue(ctx, cfg, kubeconfig.Request{
		Namespace:      c.Namespace,
		ServiceAccount: c.ServiceAccount,
		Secret:         c.Secret,
		Duration:       c.Duration,
		Cluster:        cmp.Or(c.Name, environments.AppCIName),
		Server:         c.Server,
		CAFile:         c.CA,
	})
	if err != nil {
		return err
	}

	if c.Out == stdin {
		_, err := k.Stdout.Write(b)

		return errors.Wrap(err, "cannot print the kubeconfig")
	}

	return writeSecret(c.Out, b)
}

// writeSecret replaces a file at once by one that only its owner can read, whatever
// mode the old one had.
func writeSecret(path string, b []byte) error {
	return errors.Wrap(atomicwriter.WriteFile(path, b, modeSecret), "cannot write the kubeconfig")
}

func (c *kubeconfigCmd) check(ctx context.Context, out io.Writer) error {
	b, err := readInput(c.Check)
	if err != nil {
		return errors.Wrap(err, "cannot read the kubeconfig")
	}

	r, err := kubeconfig.Examine(ctx, b, c.RightsIn)
	if err != nil {
		return err
	}

	now := time.Now()

	if _, err := io.WriteString(out, report(r, now)); err != nil {
		return errors.Wrap(err, "cannot print")
	}

	if r.Expires != nil && r.Expires.Before(now.Add(c.Margin)) {
		return errors.Errorf("the credential expires in %s, within the margin of %s", r.Expires.Sub(now).Round(time.Second), c.Margin)
	}

	return nil
}

func report(r *kubeconfig.Report, now time.Time) string {
	b := &strings.Builder{}

	_, _ = fmt.Fprintf(b, "server:  %s\nuser:    %s\ngroups:  %s\n", r.Server, r.User, strings.Join(r.Groups, ", "))

	if r.Secret != "" {
		_, _ = fmt.Fprintf(b, "token:   that of Secret %s\n", r.Secret)
	}

	if r.Expires == nil {
		_, _ = fmt.Fprintln(b, "expires: never; it ends with its Secret")
	} else {
		_, _ = fmt.Fprintf(b, "expires: %s, in %s\n", r.Expires.UTC().Format(time.RFC3339), r.Expires.Sub(now).Round(time.Second))
	}

	for _, rights := range r.Rights {
		_, _ = fmt.Fprintf(b, "may, in namespace %s:\n", rights.Namespace)

		for _, rule := range rights.Rules {
			_, _ = fmt.Fprintf(b, "  %s\n", rule)
		}

		if rights.Incomplete {
			_, _ = fmt.Fprintln(b, "  and perhaps more: the API server cannot list all")
		}
	}

	return b.String()
}

func readInput(path string) ([]byte, error) {
	if path == stdin {
		return io.ReadAll(os.Stdin)
	}

	return os.ReadFile(filepath.Clean(path))
}
