package main

import (
	"cmp"
	"context"
	"os"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/kubeconfig"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

type kubeconfigCmd struct {
	Name string `arg:"" help:"Name of the TestPlatformCluster."`
	File string `arg:"" help:"With --merge, the file to merge into; by default the one that kubectl writes to." optional:""`

	Merge       bool   `help:"Merge into a kubeconfig, in place of printing. Its current context stays what it is, and so does what you have set of the cluster's."`
	Out         string `help:"File to write, with mode 0600, in place of printing. It has this cluster alone, and replaces what was there."                         placeholder:"FILE"`
	ContextName string `help:"With --merge or --out, the name of the context; by default NAMESPACE/NAME."                                                           placeholder:"NAME"`
	Use         bool   `help:"With --merge, make it the current context."`
}

// Help is what `tpc kubeconfig --help` says beyond its flags.
func (*kubeconfigCmd) Help() string {
	return `Whoever has the kubeconfig is the cluster's administrator. Printed, it is not to end in a log, nor in a file that
others can read: --out writes a file that only you can read, and so does --merge unless there is one already, whose
mode stays.

  tpc kubeconfig demo --out demo.kubeconfig && oc --kubeconfig demo.kubeconfig get nodes
  tpc kubeconfig demo --merge && oc --context my-namespace/demo get nodes
  tpc kubeconfig demo --merge demo.kubeconfig --use && oc --kubeconfig demo.kubeconfig get nodes`
}

// Validate refuses flags that do not go together.
func (c *kubeconfigCmd) Validate() error {
	switch {
	case c.Merge && c.Out != "":
		return request.Usage("--out", "cannot be used with --merge, which takes a FILE")
	case !c.Merge && (c.File != "" || c.Use):
		return request.Usage("--merge", "is required with a FILE or --use")
	case !c.Merge && c.Out == "" && c.ContextName != "":
		return request.Usage("--context-name", "needs --merge or --out")
	}

	return nil
}

// Run prints, writes or merges a cluster's kubeconfig.
func (c *kubeconfigCmd) Run(ctx context.Context, w *world) error {
	t, err := w.connect()
	if err != nil {
		return err
	}

	b, err := c.read(ctx, t)
	if err != nil {
		return err
	}

	if !c.Merge && c.Out == "" {
		_, err := w.out.Write(b)

		return errors.Wrap(err, "cannot print")
	}

	access, err := kubeconfig.Parse(b)
	if err != nil {
		return err
	}

	file := cmp.Or(c.Out, c.File, kubeconfig.DefaultFile())
	name := cmp.Or(c.ContextName, t.Namespace+"/"+c.Name)

	switch {
	case c.Merge:
		err = access.Merge(ctx, file, name, c.Use)
	case w.printsTo(file):
		// Nothing else is to be in it.
		b, err = access.Encode(name)
		if err == nil {
			_, err = w.out.Write(b)
		}

		return errors.Wrap(err, "cannot print")
	default:
		err = access.Write(file, name)
	}

	if err != nil {
		return err
	}

	if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		w.warnf("others may read %s, and who does is the cluster's administrator: chmod 600 %s", file, file)
	}

	w.sayf("context %q is in %s", name, file)

	return w.record(map[string]string{"context": name, "file": file})
}

// printsTo reports whether a file is another name of standard output.
func (w *world) printsTo(file string) bool {
	o, ok := w.out.(*output)
	if !ok {
		return false
	}

	f, ok := o.Writer.(*os.File)
	if !ok {
		return false
	}

	is, err := f.Stat()
	other, otherErr := os.Stat(file)

	return err == nil && otherErr == nil && os.SameFile(is, other)
}

// read returns the kubeconfig, or why there is none.
func (c *kubeconfigCmd) read(ctx context.Context, t *tenant.Tenant) ([]byte, error) {
	u, err := t.Get(ctx, c.Name)
	if err != nil {
		return nil, err
	}

	s := cluster.From(u)

	switch {
	case s.Failure != nil:
		return nil, &failedError{name: s.Name, failure: s.Failure}
	case s.Over():
		return nil, errors.Errorf("%s is %s", s.Name, s.Phase)
	case !s.Ready && !s.TearDown:
		return nil, errors.Errorf("%s is not ready: it is waiting for %s", s.Name, s.WaitingFor)
	}

	return t.Kubeconfig(ctx, s.Secret, s.UID)
}
