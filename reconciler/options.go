package main

import (
	"flag"
	"io"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/util/validation"
	prowflagutil "sigs.k8s.io/prow/pkg/flagutil"
	configflagutil "sigs.k8s.io/prow/pkg/flagutil/config"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/cioperator"
)

// errVersion says that the user only wants to know the version.
var errVersion = errors.New("version requested")

// options are the flags, as given.
type options struct {
	config     configflagutil.ConfigOptions
	kubernetes prowflagutil.KubernetesOptions

	namespaces         prowflagutil.Strings
	privilegedTenants  prowflagutil.Strings
	clusterProfiles    string
	podTemplate        string
	cliImageStreamTag  string
	kubeconfigInStatus bool
	maxLifetime        time.Duration

	workers         int
	resync          time.Duration
	metricsInterval time.Duration
	metricsAddress  string
	healthAddress   string
	logLevel        string

	version bool

	leaderElect          bool
	leaderElectNamespace string

	// cli, level and kubeconfigs are what the flags above say, once validated.
	cli         v1.ImageStreamTag
	level       logrus.Level
	kubeconfigs *buildfarm.Kubeconfigs
}

func (o *options) addFlags(fs *flag.FlagSet) {
	o.namespaces = prowflagutil.NewStrings(v1.DefaultNamespace)

	fs.Usage = func() { usage(fs) }

	o.config.AddFlags(fs)
	o.kubernetes.AddFlags(fs)

	fs.Var(&o.namespaces, "namespace", "Namespace to reconcile EphemeralClusters in. Can be given several times. ProwJobs of other namespaces are left alone.")
	fs.Var(&o.privilegedTenants, "privileged-tenant", "Konflux tenant that may use every cluster profile. Can be given several times.")
	fs.StringVar(&o.clusterProfiles, "cluster-profiles-config", "", "Path to the step registry's cluster profiles (cluster-profiles-config.yaml). It is read again when it changes.")
	fs.StringVar(&o.podTemplate, "pod-template", "", "Path to a PodSpec, or part of one, in YAML, to override parts of ci-operator's pod with. Its container is named test. It is read again when it changes.")
	fs.StringVar(&o.cliImageStreamTag, "cli-image-stream-tag", "ocp/4.21:cli", "Image stream tag, as namespace/name:tag, with the oc that waits for the tear-down of a claimed cluster.")
	fs.BoolVar(&o.kubeconfigInStatus, "kubeconfig-in-status", false, "Publish credentials in .status.kubeconfig and .status.kubeAdminPassword too. Whoever may read the EphemeralCluster, or a copy of it such as provider-kubernetes' Object, can then read them.")
	fs.DurationVar(&o.maxLifetime, "max-lifetime", 0, "Age at which a cluster is torn down even if nobody asks for it. 0 means never.")

	fs.IntVar(&o.workers, "workers", 8, "Number of EphemeralClusters to reconcile at a time.")
	fs.DurationVar(&o.resync, "resync", 10*time.Minute, "How often to look at an EphemeralCluster that nothing happens to.")
	fs.DurationVar(&o.metricsInterval, "metrics-interval", 30*time.Second, "How often to count EphemeralClusters for ephemeralcluster_count.")
	fs.StringVar(&o.metricsAddress, "metrics-address", ":9090", "Address to serve metrics on, 0 for none.")
	fs.StringVar(&o.healthAddress, "health-address", ":8081", "Address to serve /healthz and /readyz on, 0 for none.")
	fs.StringVar(&o.logLevel, "log-level", "info", "Level of logs: error, warning, info, debug or trace.")

	fs.BoolVar(&o.version, "version", false, "Print the version and exit.")

	fs.BoolVar(&o.leaderElect, "leader-elect", true, "Wait to be the leader before reconciling anything.")
	fs.StringVar(&o.leaderElectNamespace, "leader-elect-namespace", "", "Namespace of the leader's Lease. Empty means the namespace of ProwJobs.")
}

// usage explains the program and its flags.
func usage(fs *flag.FlagSet) {
	_, _ = io.WriteString(fs.Output(), `Makes a ProwJob of every EphemeralCluster, which has ci-operator provision a cluster,
publishes the cluster's credentials, and has it destroyed when that is asked for.

It runs beside Prow: the current context of the kubeconfig, or the cluster that it
runs in, is where the EphemeralClusters and ProwJobs are, and every other context is
a build cluster, by its name. These files, Prow's configuration, the cluster profiles
and the pod template are read again when they change. A version of them that cannot
be used is reported and the last good one stays in use. At the start, it is fatal.

Mandatory: --config-path, --cluster-profiles-config.

Flags:
`)
	fs.PrintDefaults()
}

// parse reads and validates the command line.
func (o *options) parse(fs *flag.FlagSet, args []string) error {
	o.level = logrus.InfoLevel
	o.addFlags(fs)

	if err := fs.Parse(args); err != nil {
		return err
	}

	if o.version {
		return errVersion
	}

	if fs.NArg() > 0 {
		return errors.Errorf("unexpected argument %q", fs.Arg(0))
	}

	if err := o.config.Validate(false); err != nil {
		return err
	}

	if err := o.kubernetes.Validate(false); err != nil {
		return err
	}

	if o.clusterProfiles == "" {
		return errors.New("--cluster-profiles-config is mandatory")
	}

	for _, ns := range o.namespaces.Strings() {
		if wrong := validation.IsDNS1123Label(ns); len(wrong) > 0 {
			return errors.Errorf("--namespace %q is not the name of a namespace: %s", ns, wrong[0])
		}
	}

	if o.workers < 1 || o.resync <= 0 || o.metricsInterval <= 0 || o.maxLifetime < 0 {
		return errors.New("--workers, --resync and --metrics-interval must be positive, and --max-lifetime not negative")
	}

	return o.resolve(fs)
}

// resolve turns flags into what they stand for.
func (o *options) resolve(fs *flag.FlagSet) error {
	var err error
	if o.cli, err = cioperator.ParseImageStreamTag(o.cliImageStreamTag); err != nil {
		return errors.Wrap(err, "--cli-image-stream-tag")
	}

	if o.level, err = logrus.ParseLevel(o.logLevel); err != nil {
		return errors.Wrap(err, "--log-level")
	}

	// Prow's own options would resolve the files once and for all.
	o.kubeconfigs = &buildfarm.Kubeconfigs{
		File:           fs.Lookup("kubeconfig").Value.String(),
		Dir:            fs.Lookup("kubeconfig-dir").Value.String(),
		Suffix:         fs.Lookup("kubeconfig-suffix").Value.String(),
		ProjectedToken: fs.Lookup("projected-token-file").Value.String(),
	}

	// Without it there is no cluster to find EphemeralClusters on.
	if fs.Lookup("no-in-cluster-config").Value.String() == "true" {
		return errors.New("--no-in-cluster-config cannot be used: the infrastructure cluster is needed")
	}

	return nil
}
