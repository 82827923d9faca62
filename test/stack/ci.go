//go:build linux

package stack

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/appci"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// prowNamespace holds ProwJobs on app.ci and Pods on build clusters.
const prowNamespace = "ci"

// prepareAppCI installs what app.ci has before us, and then what is ours.
func (s *Stack) prepareAppCI(ctx context.Context) error {
	if err := s.applyModules(ctx, s.AppCI, map[string][]string{
		components.ProwModule:               {components.ProwJobCRDs},
		components.PrometheusOperatorModule: {components.ServiceMonitorCRD, components.PrometheusRuleCRD},
	}); err != nil {
		return err
	}

	if err := s.AppCI.ApplyAll(ctx, namespace(prowNamespace)); err != nil {
		return err
	}

	if err := s.AppCI.ApplyAll(ctx, prowRights()...); err != nil {
		return err
	}

	return s.ApplyAppCI(ctx)
}

// BuildClusters are the clusters that jobs run on.
func (s *Stack) BuildClusters() []*Cluster {
	if s.Build02 == nil {
		return []*Cluster{s.Build01}
	}

	return []*Cluster{s.Build01, s.Build02}
}

// prepareBuild installs what a build cluster has before us, with the ServiceAccount
// that ci-operator's Pods ask for, and then what is ours.
func (s *Stack) prepareBuild(ctx context.Context, c *Cluster) error {
	if err := c.ApplyAll(ctx,
		namespace(prowNamespace),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: prowNamespace, Name: ciOperatorSA}},
	); err != nil {
		return err
	}

	if err := c.ApplyAll(ctx, prowRights()...); err != nil {
		return err
	}

	return s.applyTree(ctx, c, filepath.Join(s.Deployment.dir, farmDir))
}

// startProw runs Prow's scheduler and plank.
func (s *Stack) startProw(ctx context.Context) error {
	kubeconfig, err := s.ciKubeconfig(ctx, prowSA)
	if err != nil {
		return err
	}

	ports, err := freePorts(3)
	if err != nil {
		return err
	}

	p, err := s.run(ComponentProw, s.binaries[components.Prow], []string{
		"--config-path=" + s.ProwConfig(),
		"--kubeconfig=" + kubeconfig,
		"--dry-run=false",
		"--enable-controller=plank",
		"--enable-controller=scheduler",
		"--health-port=" + ports[0],
		"--metrics-port=" + ports[1],
		"--pprof-port=" + ports[2],
	})
	if err != nil {
		return err
	}

	return s.waitHTTP(ctx, p, "http://127.0.0.1:"+ports[0]+"/healthz/ready")
}

// startReconciler runs our reconciler as a version, or prepares for a user's own.
func (s *Stack) startReconciler(ctx context.Context, r Release) error {
	if err := s.prepareReconciler(ctx); err != nil || s.without(WithoutReconciler) {
		return err
	}

	return s.ReplaceReconciler(ctx, logOf(ComponentReconciler, r), s.ReconcilerArgs...)
}

// ReplaceReconciler runs the reconciler, as RunReconciler does, in place of the one that
// was run so before.
func (s *Stack) ReplaceReconciler(ctx context.Context, name string, args ...string) error {
	s.StopReconciler()

	var err error
	s.reconciler, err = s.RunReconciler(ctx, name, args...)

	return err
}

// prepareReconciler pulls the reconciler that app.ci's manifests name, unless the stack
// is without it, and puts together the flags that it runs with: those of its Deployment,
// but for files and addresses, which a Pod would have mounted and to itself.
func (s *Stack) prepareReconciler(ctx context.Context) error {
	kubeconfig, err := s.ciKubeconfig(ctx, reconcilerSA)
	if err != nil {
		return err
	}

	d := &appsv1.Deployment{}
	if err := s.AppCI.Get(ctx, types.NamespacedName{Namespace: prowNamespace, Name: appci.Reconciler}, d); err != nil {
		return errors.Wrap(err, "cannot tell how the reconciler is to run")
	}

	pod := d.Spec.Template.Spec.Containers[0]
	files := []string{"--config-path", "--cluster-profiles-config", "--kubeconfig-dir", "--kubeconfig-suffix"}

	s.ReconcilerArgs = append(slices.DeleteFunc(pod.Args, func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")

		return slices.Contains(files, name)
	}),
		"--config-path="+s.ProwConfig(),
		"--cluster-profiles-config="+filepath.Join(s.builder.Root, "test", "stack", "manifests", "cluster-profiles.yaml"),
		"--kubeconfig="+kubeconfig,
		"--metrics-address=127.0.0.1:0",
		// Whoever is killed would keep the next from working for a while.
		"--leader-elect=false",
	)

	if s.Debug {
		s.ReconcilerArgs = append(s.ReconcilerArgs, "--log-level=debug")
	}

	if s.without(WithoutReconciler) {
		return nil
	}

	s.reconcilerProgram, err = s.pull(ctx, s.mirrored(pod.Image))

	return err
}

// StopReconciler ends the reconciler that ReplaceReconciler has run last.
func (s *Stack) StopReconciler() {
	if s.reconciler != nil {
		s.reconciler.Stop()
	}
}

// RunReconciler runs the reconciler with flags that are, but for what a test
// changes, those of ReconcilerArgs, and returns once it is ready. A name is given to
// its log.
func (s *Stack) RunReconciler(ctx context.Context, name string, args ...string) (*process.Process, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}

	health := "127.0.0.1:" + ports[0]

	p, err := s.run(name, s.reconcilerProgram, append(slices.Clone(args), "--health-address="+health))
	if err != nil {
		return nil, err
	}

	return p, s.waitHTTP(ctx, p, "http://"+health+"/readyz")
}

// ReconcilerKubeconfig is the path of the reconciler's kubeconfig.
func (s *Stack) ReconcilerKubeconfig() string {
	return filepath.Join(s.dir("kubeconfigs"), reconcilerSA)
}

// standInOf is what the stand-in on a build cluster is called.
func standInOf(c *Cluster) string {
	if c.Name == Build01 {
		return ComponentStandIn
	}

	return ComponentStandIn + "-" + c.Name
}

// startStandIn runs the ci-operator stand-in on a build cluster. It plays the
// kubelet, too, so it may do anything.
func (s *Stack) startStandIn(c *Cluster) error {
	name := standInOf(c)

	args := []string{
		"--kubeconfig=" + c.AdminKubeconfig(),
		"--namespace=" + prowNamespace,
		"--dir=" + s.dir(name),
		"--log-dir=" + s.dir("logs", "clusters", c.Name),
		"--etcd=" + s.binaries[components.Etcd],
		"--kube-apiserver=" + s.binaries[components.KubeAPIServer],
		"--kubectl=" + s.binaries[components.Kubectl],
	}

	if s.Canary != "" {
		args = append(args, "--kubeconfig-canary="+s.Canary)
	}

	_, err := s.run(name, s.standIn, s.debug(args))

	return err
}

// ciKubeconfig writes a kubeconfig as Prow's components read it: the current context
// is app.ci, and every other one a build cluster.
func (s *Stack) ciKubeconfig(ctx context.Context, sa string) (string, error) {
	merged := clientcmdapi.NewConfig()

	for _, c := range append([]*Cluster{s.AppCI}, s.BuildClusters()...) {
		b, err := c.ServiceAccountKubeconfig(ctx, c.Name, prowNamespace, sa)
		if err != nil {
			return "", err
		}

		k, err := clientcmd.Load(b)
		if err != nil {
			return "", errors.Wrap(err, "cannot load a kubeconfig")
		}

		merged.Clusters[c.Name] = k.Clusters[c.Name]
		merged.AuthInfos[c.Name] = k.AuthInfos[c.Name]
		merged.Contexts[c.Name] = k.Contexts[c.Name]
	}

	merged.CurrentContext = s.AppCI.Name

	b, err := clientcmd.Write(*merged)
	if err != nil {
		return "", errors.Wrap(err, "cannot encode a kubeconfig")
	}

	path := filepath.Join(s.dir("kubeconfigs"), sa)

	return path, errors.Wrap(os.WriteFile(path, b, 0o600), "cannot write a kubeconfig")
}

func namespace(name string) client.Object {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}
