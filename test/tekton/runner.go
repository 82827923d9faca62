//go:build linux

// Package tekton runs PipelineRuns as Tekton does, with processes in place of Pods.
//
// Tekton's own packages validate, substitute, and decide what runs next and how it
// ends. PipelineRuns and TaskRuns are real objects, of Tekton's own CRDs, so that what
// they own is garbage-collected and whoever cancels one does so as in production. Only
// the kubelet is played: a step's image is a program of this machine, volumes are
// directories, and there are no mounts, so that the paths of a step's mounts are
// replaced by those of the directories wherever the step names them. Security contexts
// and compute resources have no effect.
package tekton

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// dirPrefix starts the names of the directories that runners keep their state in. Those
// of killed ones are cleared with those of stacks, whose prefix it begins with.
const dirPrefix = "ephemeral-clusters-tekton-"

// An Image is what a container image is on this machine.
type Image struct {
	// Entrypoint is the program of steps that say neither a command nor a script.
	Entrypoint string

	// Path is the directory of the programs that commands and scripts find, beside
	// those of the machine.
	Path string
}

// Options of a Runner.
type Options struct {
	// Config is an admin's of the Konflux cluster.
	Config *rest.Config

	// Kubeconfig is the path of that of the ServiceAccount that steps run as.
	Kubeconfig string

	// Root of the checkout. Tasks that a resolver would fetch are read from there.
	Root string

	// Images by name, without tag or digest.
	Images map[string]Image

	// Out is told what runs; dropped when nil.
	Out io.Writer
}

// A Runner is Tekton in one namespace of a Konflux cluster.
type Runner struct {
	Options

	client client.Client
	dir    string
	group  *process.Group
}

// New returns a Runner, to be stopped.
func New(o Options) (*Runner, error) {
	if o.Out == nil {
		o.Out = io.Discard
	}

	scheme := runtime.NewScheme()

	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, pipelinev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, errors.Wrap(err, "cannot register API types")
		}
	}

	c, err := client.New(o.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, errors.Wrap(err, "cannot make a client")
	}

	dir, group, err := process.MakeDir(os.TempDir(), dirPrefix)
	if err != nil {
		return nil, err
	}

	return &Runner{Options: o, client: c, dir: dir, group: group}, nil
}

// Stop ends all steps and removes what they have left.
func (r *Runner) Stop() {
	r.group.Stop()

	_ = os.RemoveAll(r.dir)
}

// image returns what an image is on this machine.
func (r *Runner) image(ref string) (Image, error) {
	name, _, _ := strings.Cut(ref, "@")
	if slash, colon := strings.LastIndex(name, "/"), strings.LastIndex(name, ":"); colon > slash {
		name = name[:colon]
	}

	i, ok := r.Images[name]
	if !ok {
		return Image{}, errors.Errorf("image %q is not known", ref)
	}

	return i, nil
}

// Start creates a PipelineRun and returns it while it runs. The held ones of its tasks
// do not start before they are released.
func (r *Runner) Start(ctx context.Context, pr *pipelinev1.PipelineRun, held ...string) (*Run, error) {
	pr = pr.DeepCopy()
	pr.SetDefaults(ctx)

	// A name is generated when it is created.
	named := pr.DeepCopy()
	if named.GetName() == "" {
		named.SetName(pr.GetGenerateName() + "x")
	}

	if err := named.Validate(ctx); err != nil {
		return nil, errors.Wrap(err, "the PipelineRun is not valid")
	}

	if pr.Spec.PipelineSpec == nil {
		return nil, errors.New("the PipelineRun has no pipelineSpec, and no other pipelines are known")
	}

	if err := r.client.Create(ctx, pr); err != nil {
		return nil, errors.Wrap(err, "cannot create the PipelineRun")
	}

	run := newRun(r, pr, held)

	go run.live(ctx)

	return run, nil
}
