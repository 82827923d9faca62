package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// exits runs a program and wants its very exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 1, "exits CODE PROGRAM ARG...")

	err := ts.Exec(args[1], args[2:]...)
	// What it has printed is read by way of the commands that compare it.
	discreet(ts, args[2:], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	exited(ts, args[0], err)
}

func exited(ts *testscript.TestScript, want string, err error) {
	got := 0

	exit := (*exec.ExitError)(nil)
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("cannot run: %v", err)
	}

	if strconv.Itoa(got) != want {
		ts.Fatalf("exit code: want %s, got %d", want, got)
	}
}

// discreet fails when credentials were printed that were not asked for.
func discreet(ts *testscript.TestScript, args []string, printed ...string) {
	elsewhere := slices.Contains(args, "--merge") || slices.Contains(args, "--out") && !slices.Contains(args, "/dev/stdout")
	asked := slices.Contains(args, "kubeconfig") && !elsewhere

	for _, p := range printed {
		// Kubeconfigs hold keys in base64, of which any part gives it away.
		if !asked && (strings.Contains(p, "client-key-data") || strings.Contains(p, "PRIVATE KEY")) || strings.Contains(p, password) {
			ts.Fatalf("credentials were printed:\n%s", p)
		}
	}
}

// start starts a program that prints to NAME.out and NAME.err.
func start(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 1, "start NAME PROGRAM ARG...")

	p := &process{args: args[2:], stdout: ts.MkAbs(args[0] + ".out"), stderr: ts.MkAbs(args[0] + ".err")}
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)

	p.cmd = exec.CommandContext(ctx, args[1], args[2:]...)
	p.cmd.Dir = ts.MkAbs(".")

	for _, name := range []string{"PATH", "HOME", "KUBECONFIG", coverDir} {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}

	p.cmd.Stdout, p.cmd.Stderr = create(ts, p.stdout), create(ts, p.stderr)

	ts.Check(p.cmd.Start())
	in(ts).started[args[0]] = p
}

func create(ts *testscript.TestScript, path string) *os.File {
	f, err := os.Create(path)
	ts.Check(err)
	ts.Defer(func() { _ = f.Close() })

	return f
}

// await waits until a file has a line that matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "await FILE PATTERN")

	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)

	ts.Check(poll(context.Background(), func() error {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !pattern.Match(b) {
			err = errors.Errorf("%s does not match %s:\n%s", args[0], args[1], b)
		}

		return err
	}))
}

// finish waits until what was started has ended.
func finish(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "finish NAME CODE")

	p, ok := in(ts).started[args[0]]
	if !ok {
		ts.Fatalf("%s was not started", args[0])
	}

	err := ended(p.cmd)
	discreet(ts, p.args, ts.ReadFile(p.stdout), ts.ReadFile(p.stderr))
	ts.Logf("[stdout]\n%s[stderr]\n%s", ts.ReadFile(p.stdout), ts.ReadFile(p.stderr))
	exited(ts, args[1], err)
}

// interrupt does with what was started as Ctrl-C does.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "interrupt NAME")
	ts.Check(in(ts).started[args[0]].cmd.Process.Signal(syscall.SIGINT))
}

// hangup tells what was started that its terminal is closed.
func hangup(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "hangup NAME")
	ts.Check(in(ts).started[args[0]].cmd.Process.Signal(syscall.SIGHUP))
}

// mode compares the mode of a file.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "mode FILE MODE")

	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)

	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[1] {
		ts.Fatalf("mode of %s: want %s, got %s", args[0], args[1], got)
	}
}

// holds compares all that a file holds.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "holds FILE TEXT")

	if got := ts.ReadFile(args[0]); got != args[1] {
		ts.Fatalf("%s: want %q, got %q", args[0], args[1], got)
	}
}

// says compares all lines of a file.
func says(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, "says FILE LINE...")

	want := ""
	for _, line := range args[1:] {
		want += line + "\n"
	}

	if got := ts.ReadFile(args[0]); got != want {
		ts.Fatalf("%s: want:\n%s got:\n%s", args[0], want, got)
	}
}

// claim writes what matters of a claim to a file.
func claim(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "claim NAME FILE")

	s := in(ts)

	u, err := s.konflux.claims.Namespace(s.namespace).Get(context.Background(), args[0], metav1.GetOptions{})
	ts.Check(err)

	b, err := yaml.Marshal(map[string]any{
		"apiVersion":      u.GetAPIVersion(),
		"kind":            u.GetKind(),
		"annotations":     u.GetAnnotations(),
		"ownerReferences": u.GetOwnerReferences(),
		"spec":            u.Object["spec"],
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// secret makes a Secret of a file, in a namespace that is made if it does not exist.
func secret(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "secret NAMESPACE FILE")

	s := in(ts)

	_, _ = s.konflux.core.Namespaces().Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: args[0]}}, metav1.CreateOptions{})

	o := &corev1.Secret{}
	ts.Check(yaml.UnmarshalStrict([]byte(ts.ReadFile(args[1])), o))

	if string(o.Data["kubeconfig"]) == "real" {
		o.Data["kubeconfig"] = s.konflux.credentials
	}

	_, err := s.konflux.core.Secrets(args[0]).Create(context.Background(), o, metav1.CreateOptions{})
	ts.Check(err)
}

// dump writes the Secrets of a namespace to a file.
func dump(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "dump NAMESPACE FILE")

	l, err := in(ts).konflux.core.Secrets(args[0]).List(context.Background(), metav1.ListOptions{})
	ts.Check(err)

	secrets := make([]corev1.Secret, 0, len(l.Items))

	for _, s := range l.Items {
		s.ObjectMeta = metav1.ObjectMeta{Name: s.Name, Labels: s.Labels, Annotations: s.Annotations, OwnerReferences: s.OwnerReferences}
		secrets = append(secrets, s)
	}

	b, err := yaml.Marshal(secrets)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// remove deletes a claim.
func remove(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "delete NAME")

	s := in(ts)
	ts.Check(s.konflux.claims.Namespace(s.namespace).Delete(context.Background(), args[0], metav1.DeleteOptions{}))
}

// edit changes a claim, as somebody else may.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "edit NAME PATCH")

	s := in(ts)
	_, err := s.konflux.claims.Namespace(s.namespace).Patch(context.Background(), args[0], types.MergePatchType, []byte(args[1]), metav1.PatchOptions{})
	ts.Check(err)
}
