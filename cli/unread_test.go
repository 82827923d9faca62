package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

// failing fails to write.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOutput(t *testing.T) {
	cases := map[string]struct {
		reason string
		err    error
		want   string
	}{
		"Written":    {reason: "What is written may be read."},
		"BrokenPipe": {reason: "A pipe that nobody reads is told of.", err: &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, want: "nobody reads it any more"},
		"NoSpace":    {reason: "A disk may have space later.", err: &os.PathError{Op: "write", Path: "log", Err: syscall.ENOSPC}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			told := ""
			o := &output{Writer: &bytes.Buffer{}, name: "it", lost: func(why error) { told = why.Error() }}

			if tc.err != nil {
				o.Writer = failing{tc.err}
			}

			if _, err := o.Write([]byte("text")); !errors.Is(err, tc.err) {
				t.Errorf("%s\nWrite(...): want %v, got %v", tc.reason, tc.err, err)
			}

			if diff := cmp.Diff(tc.want, told); diff != "" {
				t.Errorf("%s\nlost: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// Who reads what is printed may go before the cluster is ready: head does, and so does what
// runs a script. The cluster is given back, as it is when somebody interrupts.
func TestUnread(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)

	cases := map[string]struct {
		reason       string
		args         []string
		wantCode     int
		wantErr      string
		wantTearDown bool
	}{
		"given-back": {
			reason:   "What nobody waits for any more is given back, and standard error tells.",
			args:     []string{"--wait", "--deprovision-on-failure"},
			wantCode: exitFailed,
			wantErr: "tpc: the tear-down of demo is asked for\n" +
				"tpc: interrupted: nobody reads standard output any more\n",
			wantTearDown: true,
		},
		"kept": {
			reason:   "Who is not told to give back tells how to go on.",
			args:     []string{"--wait"},
			wantCode: exitFailed,
			wantErr:  "tpc: interrupted: nobody reads standard output any more; what was asked for goes on: tpc status demo --watch\n",
		},
	}

	for namespace, tc := range cases {
		t.Run(namespace, func(t *testing.T) {
			file := k.kubeconfig(t, namespace)
			c := command(t, file, arguments(append(tc.args, "--namespace="+namespace)...)...)

			errs := headOf(t, c, "created in namespace", func() {
				must(t, k.report(t.Context(), namespace, "demo", life.Installing))
			})

			if got := c.ProcessState.ExitCode(); got != tc.wantCode {
				t.Errorf("%s\nexit code: want %d, got %d", tc.reason, tc.wantCode, got)
			}

			if diff := cmp.Diff(tc.wantErr, errs); diff != "" {
				t.Errorf("%s\nstandard error: -want, +got:\n%s", tc.reason, diff)
			}

			u, err := k.claims.Namespace(namespace).Get(t.Context(), "demo", metav1.GetOptions{})
			must(t, err)

			if got, _, _ := unstructured.NestedBool(u.Object, "spec", "tearDownCluster"); got != tc.wantTearDown {
				t.Errorf("%s\nthe tear-down is asked for: want %t, got %t", tc.reason, tc.wantTearDown, got)
			}
		})
	}

	t.Run("watched", func(t *testing.T) {
		file := k.kubeconfig(t, "watched")
		launch(t, file, arguments("--namespace=watched")...).exits(t, 0)

		c := command(t, file, "status", "demo", "--watch", "--namespace=watched")

		errs := headOf(t, c, "Pending: ", func() {
			must(t, k.report(t.Context(), "watched", "demo", life.Installing))
		})

		if diff := cmp.Diff("", errs); diff != "" || c.ProcessState.ExitCode() != 0 {
			t.Errorf("That is how watching ends.\nexit code %d, standard error: -want, +got:\n%s", c.ProcessState.ExitCode(), diff)
		}
	})
}

// headOf runs a program whose standard output is closed once a line with some text was
// read, and returns its standard error. Afterwards something happens that it would print.
func headOf(t *testing.T, c *exec.Cmd, text string, then func()) string {
	t.Helper()

	out, in, err := os.Pipe()
	must(t, err)

	errs := &buffer{}
	c.Stdout, c.Stderr = in, errs

	must(t, c.Start())
	must(t, in.Close())

	for lines := bufio.NewScanner(out); lines.Scan() && !strings.Contains(lines.Text(), text); {
	}

	must(t, out.Close())
	then()

	// Its code is what it has ended with.
	_ = ended(c)

	return errs.String()
}
