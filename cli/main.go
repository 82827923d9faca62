// The CLI tpc asks for ephemeral clusters, follows them and gives them back. It
// needs no more than the rights of a tenant in its own namespace.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
	"github.com/ephemeral-clusters/ephemeral-clusters/internal/version"
)

// Exit codes.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitTimeout = 3
)

const description = `Asks OpenShift CI for short-lived OpenShift clusters, from a Konflux cluster.

A cluster is asked for with a TestPlatformCluster in your namespace of a Konflux cluster, and is ready when a Secret
beside it has its kubeconfig. That takes as long as installing OpenShift does: half an hour to an hour, mostly. It
costs money until it is given back, so give it back.

  tpc provision --name demo --workflow ipi-aws --cluster-profile aws \
    --releases '{latest: {release: {channel: stable, version: "4.20"}}}' --wait
  tpc kubeconfig demo --merge
  oc --context my-namespace/demo get nodes
  tpc deprovision demo --wait

Exits with 0 when all went well, 1 when something failed, 2 when the command line or the request is not valid, in which
case nothing was changed, and 3 when a timeout passed.`

type cli struct {
	globals

	Provision   provisionCmd   `cmd:"" help:"Ask for a cluster."`
	Status      statusCmd      `cmd:"" help:"Tell how it is with a cluster, and what it is waiting for."`
	Kubeconfig  kubeconfigCmd  `cmd:"" help:"Print a cluster's kubeconfig, write it to a file, or merge it into yours."`
	Logs        logsCmd        `cmd:"" help:"Tell where a cluster's logs are."`
	Deprovision deprovisionCmd `cmd:"" help:"Give a cluster back, which destroys it."`
	List        listCmd        `cmd:"" help:"List clusters."`
	CopySecrets copySecretsCmd `cmd:"" help:"Copy Secrets of your namespace to a cluster."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// globals are the flags of all commands.
type globals struct {
	Kubeconfig string `group:"Konflux cluster" help:"Kubeconfig of the Konflux cluster; by default as kubectl finds it or, in a Pod, that of its ServiceAccount." placeholder:"FILE"`
	Context    string `group:"Konflux cluster" help:"Context of that kubeconfig; by default the current one."                                                     placeholder:"NAME"`
	Namespace  string `group:"Konflux cluster" help:"Your namespace; by default that of the context or of the Pod."                                               placeholder:"NAME"                                                                                     short:"n"`
	Output     string `default:"text"          enum:"text,json"                                                                                                   help:"What to print: text for people, or json for programs, to which progress goes on standard error." placeholder:"text|json" short:"o"`
}

// world is where a command runs.
type world struct {
	globals

	name    string
	version string

	in  io.Reader
	out io.Writer
	err io.Writer

	patience patience

	// trouble is what has last kept a request from being answered.
	trouble string
}

func main() {
	// What libraries would log is told by the errors that they return.
	klog.SetLogger(logr.Discard())

	os.Exit(run(os.Args, &world{in: os.Stdin, out: os.Stdout, err: os.Stderr, version: version.String(), patience: usualPatience()}))
}

func run(args []string, w *world) int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		// Who has started us with nohup wants us to outlive the terminal.
		signals = append(signals, syscall.SIGHUP)
	}

	signalled, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()

	// A second signal does not wait for anything.
	context.AfterFunc(signalled, stop)

	ctx, cancel := context.WithCancelCause(signalled)
	defer cancel(nil)

	// Who reads what we print may go. Go ends a program that goes on printing, unless it
	// wants to know of that itself.
	signal.Ignore(syscall.SIGPIPE)

	w.out = &output{Writer: w.out, name: "standard output", lost: cancel}
	w.err = &output{Writer: w.err, name: "standard error", lost: cancel}

	// As a plugin of kubectl the program is called kubectl-tpc.
	w.name = strings.Replace(filepath.Base(args[0]), "kubectl-", "kubectl ", 1)

	c := &cli{}

	parser, err := c.parser(ctx, w)
	if err != nil {
		return w.fail(err)
	}

	k, err := parser.Parse(args[1:])
	if err != nil {
		return w.fail(usageError(err))
	}

	w.globals = c.globals

	return w.fail(k.Run())
}

// parser returns what reads command lines into this.
func (c *cli) parser(ctx context.Context, w *world) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name(w.name),
		kong.Description(description),
		kong.Vars{"version": w.version},
		kong.Writers(w.out, w.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(w),
	)
}

// usageError makes of what the parser says a problem with the command line.
func usageError(err error) error {
	problems := request.UsageErrors{}
	if errors.As(err, &problems) {
		return problems
	}

	return request.UsageErrors{{Text: err.Error()}}
}

// fail says what is wrong, if anything, and returns what to exit with.
func (w *world) fail(err error) int {
	if err == nil {
		return 0
	}

	for _, e := range each(err) {
		for line := range strings.Lines(e.Error()) {
			_, _ = fmt.Fprintf(w.err, "%s: %s\n", w.name, strings.TrimRight(line, "\n"))
		}
	}

	problems, timeout := request.UsageErrors(nil), (*timeoutError)(nil)

	switch {
	case errors.As(err, &problems):
		return exitUsage
	case errors.As(err, &timeout):
		return exitTimeout
	}

	return exitFailed
}

// each returns the errors that were joined, here and by what runs commands, to be told a
// line each.
func each(err error) []error {
	//nolint:errorlint // What wraps joined errors has something to say of them all.
	joined, ok := err.(errors.MultiError)
	if !ok {
		return []error{err}
	}

	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, each(e)...)
	}

	return all
}

// connect returns the tenant's namespace.
func (w *world) connect() (*tenant.Tenant, error) {
	if wrong := request.WrongName(w.Namespace); w.Namespace != "" && wrong != "" {
		return nil, request.Usage("--namespace", wrong)
	}

	return tenant.Connect(tenant.Options{
		Kubeconfig: w.Kubeconfig,
		Context:    w.Context,
		Namespace:  w.Namespace,
		UserAgent:  w.userAgent(),
	})
}

func (w *world) userAgent() string { return "tpc/" + w.version }

// sayf prints a sentence for people, which programs do not get. Where nobody reads standard
// output any more, somebody may still read standard error.
func (w *world) sayf(format string, args ...any) {
	if w.Output != outputText {
		return
	}

	if _, err := fmt.Fprintf(w.out, format+"\n", args...); err != nil {
		_, _ = fmt.Fprintf(w.err, w.name+": "+format+"\n", args...)
	}
}

// warnf prints what somebody may want to know who will be surprised later.
func (w *world) warnf(format string, args ...any) {
	_, _ = fmt.Fprintf(w.err, w.name+": warning: "+format+"\n", args...)
}
