//go:build linux

// Package stack runs the whole system on one machine: a Konflux cluster, app.ci
// and the build cluster build01, with the real components on each, as processes
// that cannot outlive the program that started them.
//
// Only the cloud is not real. See test/ciop for what stands in for it.
package stack

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/controlplane"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// dirPrefix starts the names of the directories that stacks live in.
const dirPrefix = "ephemeral-clusters-"

// logTail is how many log lines an error quotes.
const logTail = 20

// Names of the clusters.
const (
	Konflux = "konflux"
	AppCI   = "app.ci"
	Build01 = "build01"
	Build02 = "build02"
)

// Names of components, and of their logs.
const (
	ComponentCrossplane = "crossplane"
	ComponentFunction   = "function"
	ComponentProvider   = "provider-kubernetes"
	ComponentProw       = "prow-controller-manager"
	ComponentReconciler = "reconciler"
	ComponentStandIn    = "ciop"
)

// What a stack can be told to leave out, for users who run their own.
const (
	WithoutReconciler = "reconciler"
	WithoutFunction   = "function"
)

// API is what tenants of the Konflux cluster make. Both have the same kind, so a
// cluster serves one of them.
type API string

// The APIs, which are also the names of the XRD's and the Composition's files.
const (
	Claims     API = "claims"
	Namespaced API = "v2"
)

// Options of a stack.
type Options struct {
	// API is what the Konflux cluster serves; claims when empty.
	API API

	// Out is told about progress; dropped when nil.
	Out io.Writer

	// Without lists what to leave out.
	Without []string

	// Debug raises the log level of every component but etcd, whose debug log has the
	// contents of Secrets.
	Debug bool

	// Canary is planted into the kubeconfig of every ephemeral cluster.
	Canary string

	// Spread adds the build cluster build02, and a scheduler outside Prow that gives
	// jobs to each build cluster in turn.
	Spread bool

	// ExternalSecrets runs the real External Secrets operator on the Konflux cluster,
	// to bring it its credential of app.ci from what stands in for the vault. The stack
	// does that itself otherwise.
	ExternalSecrets bool

	// Configuration installs the API, the function and the provider on the Konflux
	// cluster by one object, our Configuration package, in place of by manifests.
	Configuration bool

	// UpgradeDependencies lets Crossplane change the versions of packages that others
	// depend on.
	UpgradeDependencies bool

	// Beside is a stack whose app.ci and build clusters are this one's too, as are its
	// Prow and its reconciler: there is only one more Konflux cluster. It is to be
	// stopped after this one.
	Beside *Stack

	// CIOnly leaves out the Konflux cluster and all that plays a part in a job: there
	// are app.ci and the build clusters, with the CRDs and rights that the reconciler
	// needs, and the reconciler is left to be started by RunReconciler.
	CIOnly bool
}

// Stack is the running system.
type Stack struct {
	Options

	Konflux *Cluster
	AppCI   *Cluster
	Build01 *Cluster
	Build02 *Cluster // Nil unless Spread.

	// Function is where our function is served, or where Crossplane expects it.
	Function FunctionEndpoint

	// Deployment is what the clusters are configured with.
	Deployment *Deployment

	// ReconcilerArgs are the flags that the reconciler has, or would have.
	ReconcilerArgs []string

	// What runs of ours, if the stack runs it.
	ours       *process.Process
	reconciler *process.Process

	// Programs of the reconciler and of the ci-operator stand-in.
	reconcilerProgram string
	standIn           string

	path     string
	root     string // Of the checkout that manifests are generated of.
	registry string
	released Release
	provider provider
	group    *process.Group
	builder  *components.Builder
	binaries map[string]string

	mu    sync.Mutex
	stops []func()
}

// Start starts a stack, after clearing what a killed one may have left. When it
// fails, nothing of it is left.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Out == nil {
		o.Out = io.Discard
	}

	if o.API == "" {
		o.API = Claims
	}

	// The libraries' own logs say nothing that errors do not.
	ctrllog.SetLogger(logr.Discard())

	for _, w := range o.Without {
		if w != WithoutReconciler && w != WithoutFunction {
			return nil, errors.Errorf("cannot leave out %q: only %s and %s", w, WithoutReconciler, WithoutFunction)
		}
	}

	if err := Clear(); err != nil {
		return nil, err
	}

	builder, err := components.NewBuilder(o.Out)
	if err != nil {
		return nil, err
	}

	wanted := components.Stack()
	if o.ExternalSecrets {
		wanted = append(wanted, components.Credentials()...)
	}

	binaries, err := builder.Ensure(ctx, wanted)
	if err != nil {
		return nil, err
	}

	path, group, err := process.MakeDir(os.TempDir(), dirPrefix)
	if err != nil {
		return nil, err
	}

	s := &Stack{Options: o, path: path, root: builder.Root, group: group, builder: builder, binaries: binaries}

	if err := s.start(ctx); err != nil {
		s.Stop()

		return nil, errors.Wrap(err, "cannot start the stack")
	}

	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if s.CIOnly {
		return s.startCIOnly(ctx)
	}

	if s.Beside != nil {
		return s.startBeside(ctx)
	}

	first, firstCtx := errgroup.WithContext(ctx)
	first.Go(func() error { return s.prepareDeployment(firstCtx) })
	first.Go(func() error {
		var err error
		s.standIn, err = s.BuildProgram(firstCtx, ComponentStandIn, "./test/ciop")

		return err
	})
	first.Go(func() error { return s.startCluster(firstCtx, Konflux, &s.Konflux) })
	first.Go(func() error { return s.startCluster(firstCtx, AppCI, &s.AppCI) })
	first.Go(func() error { return s.startCluster(firstCtx, Build01, &s.Build01) })

	if s.Spread {
		first.Go(func() error { return s.startCluster(firstCtx, Build02, &s.Build02) })
	}

	if err := first.Wait(); err != nil {
		return err
	}

	s.progress("the control planes are ready")

	second, ctx := errgroup.WithContext(ctx)
	second.Go(func() error { return s.startKonflux(ctx) })
	second.Go(func() error { return s.startCI(ctx) })

	return second.Wait()
}

// startBeside brings up a Konflux cluster.
func (s *Stack) startBeside(ctx context.Context) error {
	s.AppCI, s.Build01, s.Build02 = s.Beside.AppCI, s.Beside.Build01, s.Beside.Build02
	s.Without = append(slices.Clone(s.Without), WithoutReconciler)

	g, gCtx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.prepareDeployment(gCtx) })
	g.Go(func() error { return s.startCluster(gCtx, Konflux, &s.Konflux) })

	if err := g.Wait(); err != nil {
		return err
	}

	s.progress("the control plane is ready")

	return s.startKonflux(ctx)
}

// startCIOnly brings up what the reconciler works on.
func (s *Stack) startCIOnly(ctx context.Context) error {
	g, gCtx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.prepareDeployment(gCtx) })
	g.Go(func() error { return s.startCluster(gCtx, AppCI, &s.AppCI) })
	g.Go(func() error { return s.startCluster(gCtx, Build01, &s.Build01) })

	if err := g.Wait(); err != nil {
		return err
	}

	if err := s.prepareAppCI(ctx); err != nil {
		return err
	}

	if err := s.prepareBuild(ctx, s.Build01); err != nil {
		return err
	}

	return s.prepareReconciler(ctx)
}

// startKonflux brings up everything on the Konflux cluster.
func (s *Stack) startKonflux(ctx context.Context) error {
	if err := s.startCrossplane(ctx); err != nil {
		return err
	}

	s.progress("Crossplane runs")

	if err := s.configureKonflux(ctx); err != nil {
		return err
	}

	if err := s.connectProvider(ctx); err != nil {
		return err
	}

	if err := s.startProvider(ctx); err != nil {
		return err
	}

	s.progress("provider-kubernetes runs")

	if err := s.RunFunction(ctx, s.released); err != nil {
		return err
	}

	s.progress("the function is installed and healthy")

	if s.Configuration {
		if err := s.AwaitConfiguration(ctx, s.released); err != nil {
			return err
		}
	}

	return s.awaitAPI(ctx)
}

// startCI brings up everything on app.ci and build01.
func (s *Stack) startCI(ctx context.Context) error {
	if err := s.prepareAppCI(ctx); err != nil {
		return err
	}

	for _, c := range s.BuildClusters() {
		if err := s.prepareBuild(ctx, c); err != nil {
			return err
		}

		if err := s.startStandIn(c); err != nil {
			return err
		}
	}

	if err := s.writeProwConfig(); err != nil {
		return err
	}

	if err := s.startProw(ctx); err != nil {
		return err
	}

	s.progress("Prow runs")

	return s.startReconciler(ctx, s.released)
}

// Stop ends everything and removes the stack's directory.
func (s *Stack) Stop() {
	s.mu.Lock()
	stops := s.stops
	s.stops = nil
	s.mu.Unlock()

	for _, stop := range slices.Backward(stops) {
		stop()
	}

	s.group.Stop()

	s.keepLogs()

	_ = os.RemoveAll(s.path)
}

// KeptLogs is the directory, below the root of the checkout, that the logs of the
// last stack that was stopped are kept in.
const KeptLogs = "_output/logs"

// keepLogs saves the logs from removal, as far as it can.
func (s *Stack) keepLogs() {
	kept := filepath.Join(s.builder.Root, filepath.FromSlash(KeptLogs))

	_ = os.RemoveAll(kept)
	_ = os.CopyFS(kept, os.DirFS(s.Logs()))
}

// Clear removes what killed stacks may have left, and leaves running ones alone.
func Clear() error {
	return errors.Wrap(process.Reap(os.TempDir(), dirPrefix), "cannot clear what an earlier stack left")
}

func (s *Stack) onStop(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.stops = append(s.stops, f)
}

// Released is the version of this checkout that the stack has begun with.
func (s *Stack) Released() Release { return s.released }

// Path is the directory that all of the stack's state is in.
func (s *Stack) Path() string { return s.path }

// Logs is the directory of the components' logs.
func (s *Stack) Logs() string { return s.dir("logs") }

// LogTail returns the last lines of a component's log.
func (s *Stack) LogTail(component string) string {
	return process.Tail(s.log(component), logTail)
}

// Binary is the path of a component's program.
func (s *Stack) Binary(name string) string { return s.binaries[name] }

// Root is the root of the checkout.
func (s *Stack) Root() string { return s.builder.Root }

// Processes lists what the stack has started.
func (s *Stack) Processes() []*process.Process { return s.group.Processes() }

func (s *Stack) startCluster(ctx context.Context, name string, c **Cluster) error {
	const verbosity, debugVerbosity = 1, 4

	o := controlplane.Options{
		Name:   name,
		Dir:    s.dir("clusters", name),
		LogDir: s.Logs(),
		Group:  s.group,
		Binaries: controlplane.Binaries{
			Etcd:              s.binaries[components.Etcd],
			APIServer:         s.binaries[components.KubeAPIServer],
			ControllerManager: s.binaries[components.KubeControllerManager],
		},
		Verbosity: verbosity,
		AuditLog:  true,
	}

	if s.Debug {
		o.Verbosity = debugVerbosity
	}

	cp, err := controlplane.Start(ctx, o)
	if err != nil {
		return err
	}

	scheme, err := newScheme()
	if err != nil {
		return err
	}

	*c, err = newCluster(cp, scheme)

	return err
}

// dir returns a directory below the stack's, and makes it. Failing to is left to
// whoever uses the directory.
func (s *Stack) dir(elem ...string) string {
	path := filepath.Join(append([]string{s.path}, elem...)...)
	_ = os.MkdirAll(path, 0o700)

	return path
}

func (s *Stack) progress(what string) {
	_, _ = io.WriteString(s.Out, time.Now().Format(time.TimeOnly)+" "+what+"\n")
}

func newScheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()

	for _, add := range schemes() {
		if err := add(s); err != nil {
			return nil, errors.Wrap(err, "cannot register API types")
		}
	}

	return s, nil
}
