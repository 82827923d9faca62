//go:build linux

package tekton

import (
	"cmp"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// resultsDir is the directory of results, below a task's own.
const resultsDir = "results"

// grace is how long a container may take to end, unless its Pod says otherwise.
const grace = 30 * time.Second

// retry does something again until the API server takes it, or refuses it.
func retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		if status := kerrors.APIStatus(nil); err == nil || errors.As(err, &status) && !kerrors.IsServiceUnavailable(err) && !kerrors.IsTimeout(err) {
			return err
		}

		select {
		case <-ctx.Done():
			return err
		case <-time.After(interval):
		}
	}
}

// mount makes directories of a task's volumes, and returns those of each path that steps
// know.
func (t *task) mount(ctx context.Context, spec *pipelinev1.TaskSpec) (map[string]string, error) {
	paths := map[string]string{pipeline.DefaultResultPath: t.path(resultsDir)}
	if err := os.MkdirAll(t.path(resultsDir), 0o700); err != nil {
		return nil, errors.Wrap(err, "cannot make a directory")
	}

	volumes := map[string]string{}

	for _, v := range spec.Volumes {
		dir := filepath.Join(t.path("volumes"), v.Name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, errors.Wrap(err, "cannot make a directory")
		}

		if err := t.fill(ctx, v, dir); err != nil {
			return nil, errors.Wrapf(err, "cannot fill volume %s", v.Name)
		}

		volumes[v.Name] = dir
	}

	var mounts []corev1.VolumeMount
	if spec.StepTemplate != nil {
		mounts = spec.StepTemplate.VolumeMounts
	}

	for _, s := range spec.Steps {
		mounts = append(mounts, s.VolumeMounts...)
	}

	for _, m := range mounts {
		dir, ok := volumes[m.Name]
		if !ok {
			return nil, errors.Errorf("volume %s is not known", m.Name)
		}

		paths[m.MountPath] = filepath.Join(dir, m.SubPath)
	}

	return paths, nil
}

// fill fills a volume's directory. A Secret that does not exist yet is waited for, as
// the kubelet does.
func (t *task) fill(ctx context.Context, v corev1.Volume, dir string) error {
	switch {
	case v.EmptyDir != nil:
		return nil
	case v.Secret != nil:
		data, err := t.secret(ctx, v.Secret.SecretName)
		if err != nil {
			return err
		}

		for name, b := range data {
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil {
				return errors.Wrap(err, "cannot write a file")
			}
		}

		return nil
	}

	return errors.New("only emptyDir and secret are known")
}

// secret returns what a Secret has, once it exists.
func (t *task) secret(ctx context.Context, name string) (map[string][]byte, error) {
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: t.taskRun().GetNamespace(), Name: name}

	for {
		err := t.runner.client.Get(ctx, key, secret)
		if err == nil {
			return secret.Data, nil
		}

		select {
		case <-ctx.Done():
			return nil, errors.Wrap(err, "cannot get the Secret")
		case <-time.After(interval):
		}
	}
}

// value returns that of an environment variable. A key that a Secret does not have keeps the
// kubelet from starting the container.
func (t *task) value(ctx context.Context, e corev1.EnvVar) (string, error) {
	switch {
	case e.ValueFrom == nil:
		return e.Value, nil
	case e.ValueFrom.SecretKeyRef == nil:
		return "", errors.Errorf("only values and keys of Secrets are known for environment variables, and %s has another source", e.Name)
	}

	ref := e.ValueFrom.SecretKeyRef

	data, err := t.secret(ctx, ref.Name)
	if err != nil {
		return "", err
	}

	b, ok := data[ref.Key]
	if !ok {
		return "", errors.Errorf("couldn't find key %s in Secret %s", ref.Key, ref.Name)
	}

	return string(b), nil
}

// step runs a step as a process.
func (t *task) step(ctx context.Context, s pipelinev1.Step, paths map[string]string) error {
	image, err := t.runner.image(s.Image)
	if err != nil {
		return err
	}

	home := t.path("home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return errors.Wrap(err, "cannot make a directory")
	}

	replace := replacer(paths)
	path := strings.Join([]string{image.Path, "/usr/local/bin", "/usr/bin", "/bin"}, ":")
	c := process.Command{
		Name:  t.taskRun().GetName() + "/" + s.Name,
		Env:   []string{"PATH=" + path, "HOME=" + home, "KUBECONFIG=" + t.runner.Kubeconfig},
		Dir:   cmp.Or(replace(s.WorkingDir), home),
		Log:   t.path("log"),
		Grace: grace,
	}

	for _, e := range s.Env {
		value, err := t.value(ctx, e)
		if err != nil {
			return err
		}

		c.Env = append(c.Env, e.Name+"="+replace(value))
	}

	for _, a := range s.Args {
		c.Args = append(c.Args, replace(a))
	}

	switch {
	case s.Script != "":
		script := s.Script
		if !strings.HasPrefix(script, "#!") {
			// It is Tekton's default.
			script = "#!/bin/sh\nset -e\n" + script
		}

		c.Path = t.path("script-" + s.Name)
		if err := os.WriteFile(c.Path, []byte(replace(script)), 0o700); err != nil { //nolint:gosec // It is a program.
			return errors.Wrap(err, "cannot write the script")
		}
	case len(s.Command) > 0:
		c.Path = find(image.Path, replace(s.Command[0]))
		c.Args = append(slices.Clone(s.Command[1:]), c.Args...)
	default:
		c.Path = image.Entrypoint
	}

	return t.execute(ctx, c)
}

// execute runs a process to its end.
func (t *task) execute(ctx context.Context, c process.Command) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}

	p, err := t.runner.group.Start(c)
	if err != nil {
		return err
	}

	err = p.Wait(ctx)

	exit := (*exec.ExitError)(nil)
	if errors.As(err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return errors.Errorf("was ended by signal %s", s.Signal())
		}

		return errors.Errorf("exited with code %d", exit.ExitCode())
	}

	return err
}

// find returns the path of a command, in the image first.
func find(dir, command string) string {
	if filepath.IsAbs(command) {
		return command
	}

	if path := filepath.Join(dir, command); dir != "" {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}

	return command
}

// replacer puts directories in the place of mount paths, the longest first.
func replacer(paths map[string]string) func(string) string {
	longest := slices.SortedFunc(maps.Keys(paths), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })

	pairs := make([]string, 0, len(longest)+len(longest))
	for _, p := range longest {
		pairs = append(pairs, p, paths[p])
	}

	return strings.NewReplacer(pairs...).Replace
}
