//go:build linux

package stack

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ApplyFiles applies the objects of YAML files, server-side.
func (c *Cluster) ApplyFiles(ctx context.Context, patterns ...string) error {
	objs, err := ReadObjects(patterns...)
	if err != nil {
		return err
	}

	return c.ApplyAll(ctx, objs...)
}

// applyModules applies CRDs of modules: patterns of files, by module.
func (s *Stack) applyModules(ctx context.Context, c *Cluster, crds map[string][]string) error {
	for _, module := range slices.Sorted(maps.Keys(crds)) {
		dir, err := s.builder.ModuleDir(ctx, module)
		if err != nil {
			return err
		}

		for _, pattern := range crds[module] {
			if err := c.ApplyFiles(ctx, filepath.Join(dir, pattern)); err != nil {
				return err
			}
		}
	}

	return nil
}

// ReadObjects reads the objects of the YAML files that patterns match, CRDs first.
func ReadObjects(patterns ...string) ([]client.Object, error) {
	var objs []client.Object

	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil || len(files) == 0 {
			return nil, errors.Errorf("no file matches %q", p)
		}

		for _, f := range files {
			b, err := os.ReadFile(filepath.Clean(f))
			if err != nil {
				return nil, errors.Wrap(err, "cannot read objects")
			}

			more, err := parseObjects(b)
			if err != nil {
				return nil, errors.Wrapf(err, "cannot read objects of %s", f)
			}

			for _, o := range more {
				objs = append(objs, o)
			}
		}
	}

	slices.SortStableFunc(objs, func(a, b client.Object) int { return crdRank(a) - crdRank(b) })

	return objs, nil
}

func crdRank(o client.Object) int {
	if o.GetObjectKind().GroupVersionKind().Kind == crdKind {
		return 0
	}

	return 1
}

func parseObjects(b []byte) ([]*unstructured.Unstructured, error) {
	var objs []*unstructured.Unstructured

	d := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(b), 4096)

	for {
		u := &unstructured.Unstructured{}

		err := d.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return objs, nil
		}

		if err != nil {
			return nil, errors.Wrap(err, "cannot parse YAML")
		}

		if len(u.Object) > 0 {
			objs = append(objs, u)
		}
	}
}
