//go:build linux

// Package life follows one cluster through its sixteen steps on a running stack,
// and says which step failed to happen, and whose it was.
package life

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// Life is one cluster's. Its fields are known from the step on that is named.
type Life struct {
	// ClaimFile is the manifest of the claim that is made in Namespace.
	ClaimFile string
	Namespace string

	// Out is told of each step as it is observed.
	Out io.Writer

	// Patience is how long any step may take, where that is less than it usually may.
	Patience time.Duration

	// pipeline is what acts for the tenant, where that is not kubectl.
	pipeline *pipelined

	stack *stack.Stack
	start time.Time
	seen  []Seen

	// logTail returns the last lines of a component's log.
	logTail func(component string) string

	claim       *unstructured.Unstructured // From step 2, as last observed.
	ec          *apiv1.EphemeralCluster    // From step 3, as last observed.
	prowJob     *prowv1.ProwJob            // From step 4, as last observed.
	ciNamespace string                     // From step 6.
	kubeconfig  string                     // From step 9, the path of a file.
}

// Seen is one step, observed.
type Seen struct {
	Number int
	What   string
	Object client.Object
	At     time.Duration
}

// New returns the life of the cluster that a claim asks for.
func New(s *stack.Stack, namespace, claimFile string, out io.Writer) *Life {
	return &Life{ClaimFile: claimFile, Namespace: namespace, Out: out, stack: s, logTail: s.LogTail}
}

// Run goes through all steps.
func (l *Life) Run(ctx context.Context) error { return l.RunTo(ctx, Steps) }

// RunTo goes on until a step, inclusive, from where the last call ended.
func (l *Life) RunTo(ctx context.Context, last int) error {
	if l.start.IsZero() {
		l.start = time.Now()
	}

	steps := l.steps()

	for n := len(l.seen) + 1; n <= last; n++ {
		s := steps[n-1]
		if l.Patience > 0 {
			s.within = min(s.within, l.Patience)
		}

		o, err := l.observe(ctx, n, s)
		if err != nil {
			return err
		}

		l.see(Seen{Number: n, What: s.what, Object: o, At: time.Since(l.start)})
	}

	return nil
}

func (l *Life) see(s Seen) {
	l.seen = append(l.seen, s)

	_, _ = fmt.Fprintf(l.Out, "%7.2fs  %2d  %s\n", s.At.Seconds(), s.Number, s.What)

	if s.Object != nil {
		_, _ = fmt.Fprintf(l.Out, "              %s\n", l.describe(s.Object))
	}
}

func (l *Life) describe(o client.Object) string {
	kind := o.GetObjectKind().GroupVersionKind().Kind

	if kind == "" {
		if gvk, err := l.stack.Konflux.GroupVersionKindFor(o); err == nil {
			kind = gvk.Kind
		}
	}

	if r, ok := o.(interface {
		GetGroupVersionKind() schema.GroupVersionKind
	}); kind == "" && ok {
		kind = r.GetGroupVersionKind().Kind
	}

	name := o.GetName()
	if ns := o.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}

	return fmt.Sprintf("%s %s, uid %s, resourceVersion %s", kind, name, o.GetUID(), o.GetResourceVersion())
}

// Table returns when each step was observed, and how long after the one before.
func (l *Life) Table() string {
	b := &tableBuilder{}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)

	_, _ = fmt.Fprintln(w, "step\tat\ttook\t")

	var before time.Duration

	for _, s := range l.seen {
		_, _ = fmt.Fprintf(w, "%d\t%.2fs\t%.2fs\t  %s\n", s.Number, s.At.Seconds(), (s.At - before).Seconds(), s.What)
		before = s.At
	}

	_ = w.Flush()

	return string(b.b)
}

type tableBuilder struct{ b []byte }

func (t *tableBuilder) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)

	return len(p), nil
}

// Claim is the claim as last observed.
func (l *Life) Claim() *unstructured.Unstructured { return l.claim }

// EphemeralCluster is the EphemeralCluster as last observed.
func (l *Life) EphemeralCluster() *apiv1.EphemeralCluster { return l.ec }

// ProwJob is the ProwJob as last observed.
func (l *Life) ProwJob() *prowv1.ProwJob { return l.prowJob }

// CINamespace is ci-operator's namespace.
func (l *Life) CINamespace() string { return l.ciNamespace }

// Kubeconfig is the path of the tenant's kubeconfig.
func (l *Life) Kubeconfig() string { return l.kubeconfig }

// AwaitClaim waits until the claim, made in step 2, matches.
func (l *Life) AwaitClaim(ctx context.Context, match func(*unstructured.Unstructured) bool) error {
	return errors.Wrap(l.awaitClaim(ctx, match), conditions(l.claim))
}

// AwaitEphemeralCluster waits until the EphemeralCluster, made in step 3, matches.
func (l *Life) AwaitEphemeralCluster(ctx context.Context, match func(*apiv1.EphemeralCluster) bool) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()

	return l.awaitEC(ctx, match)
}

func (l *Life) kubeconfigPath() string {
	return filepath.Join(l.stack.Path(), "kubeconfigs", "tenant-"+l.Namespace+"-"+l.claim.GetName())
}
