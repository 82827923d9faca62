//go:build linux

// Command ciop plays kubelet and ci-operator for Prow's pods on a build cluster
// that has neither nodes nor a cloud. It is the only stand-in of the local stack,
// and as strict as what it stands for: a pod that the kubelet would not start, or
// a configuration that ci-operator would refuse, fails. The ephemeral cluster that
// it makes is a real etcd and kube-apiserver.
//
// The pods that it finds running when it starts were run by an earlier one. Their
// clusters died with that one, so they fail.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/controlplane"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// apiServerDebug is the verbosity of ephemeral clusters' API servers when
// debugging: all decisions, no contents of requests.
const apiServerDebug = 4

type cli struct {
	Kubeconfig string `help:"Kubeconfig of the build cluster."                                                                                              required:""                                           type:"existingfile"`
	Namespace  string `default:"ci"                                                                                                                         help:"Namespace of Prow's pods on the build cluster."`
	Dir        string `help:"Directory for ephemeral clusters, of this program alone. What an earlier run that was killed left in it is ended and removed." required:""                                           type:"existingdir"`
	LogDir     string `help:"Directory for the logs of ephemeral clusters and of steps, which are kept; a subdirectory of --dir by default."                type:"path"`

	KubeAPIServer string `help:"Path of kube-apiserver." name:"kube-apiserver" required:""         type:"existingfile"`
	Etcd          string `help:"Path of etcd."           required:""           type:"existingfile"`
	Kubectl       string `help:"Path of kubectl."        required:""           type:"existingfile"`

	ProvisionDelay   time.Duration `help:"How long provisioning takes, beside starting the cluster, unless a job says otherwise."`
	DeprovisionDelay time.Duration `help:"How long deprovisioning takes, unless a job says otherwise."`

	KubeconfigCanary string `help:"String to plant in the credentials of every ephemeral cluster, for tests to search logs for."`
	Debug            bool   `help:"Log everything but credentials."`
}

func main() {
	c := &cli{}
	kctx := kong.Parse(c, kong.Name("ciop"), kong.Description("Plays kubelet and ci-operator for Prow's pods, with real ephemeral clusters."))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)

	kctx.FatalIfErrorf(c.run(ctx))
}

func (c *cli) run(ctx context.Context) error {
	level := slog.LevelInfo
	if c.Debug {
		level = slog.LevelDebug
	}

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	cfg, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return errors.Wrap(err, "cannot load the build cluster's kubeconfig")
	}

	// The build cluster is local: no client-side limit helps.
	cfg.QPS = -1

	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return errors.Wrap(err, "cannot make a client of the build cluster")
	}

	group, err := claimDir(c.Dir)
	if err != nil {
		return err
	}
	defer group.Stop()

	op, err := c.operator(cfg, client, group)
	if err != nil {
		return err
	}

	if err := op.build.sweep(ctx, log); err != nil {
		return err
	}

	log.Info("watching pods", "namespace", c.Namespace)

	return newKubelet(client, c.Namespace, log, op.newJob).run(ctx)
}

func (c *cli) operator(cfg *rest.Config, client kubernetes.Interface, group *process.Group) (*operator, error) {
	// Processes get these paths, and working directories of their own.
	paths := []*string{&c.Dir, &c.LogDir, &c.Etcd, &c.KubeAPIServer, &c.Kubectl}

	if c.LogDir == "" {
		c.LogDir = filepath.Join(c.Dir, "logs")
	}

	for _, p := range paths {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot make path %q absolute", *p)
		}

		*p = abs
	}

	// Steps call kubectl by the name that it has in OpenShift's image.
	bin := filepath.Join(c.Dir, "bin")
	for _, d := range []string{c.LogDir, bin} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, errors.Wrap(err, "cannot make a directory")
		}
	}

	if err := os.Symlink(c.Kubectl, filepath.Join(bin, "oc")); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, errors.Wrap(err, "cannot link oc to kubectl")
	}

	op := &operator{
		build:    &buildCluster{config: cfg, client: client},
		group:    group,
		binaries: controlplane.Binaries{Etcd: c.Etcd, APIServer: c.KubeAPIServer},
		dir:      c.Dir,
		logDir:   c.LogDir,
		bin:      bin,
		canary:   c.KubeconfigCanary,
		defaults: behaviour{ProvisionDelay: c.ProvisionDelay, DeprovisionDelay: c.DeprovisionDelay},
	}

	if c.Debug {
		op.verbosity = apiServerDebug
	}

	return op, nil
}

// claimDir ends what an earlier run left in a directory, and returns the group of
// this one's processes.
func claimDir(dir string) (*process.Group, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot make path %q absolute", dir)
	}

	if err := process.Reap(filepath.Dir(dir), filepath.Base(dir)); err != nil {
		return nil, errors.Wrap(err, "cannot end what an earlier run left")
	}

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errors.Wrap(err, "cannot make the directory anew")
	}

	if _, err := os.Stat(filepath.Join(dir, process.StateFile)); err == nil {
		return nil, errors.Errorf("directory %s is in use by another program", dir)
	}

	return process.NewGroup(dir)
}
