//go:build linux

package fn

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossplane/function-sdk-go/resource"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// root of the tree, from here.
const root = "../../.."

func structOf(tb testing.TB, o runtime.Object) *structpb.Struct {
	tb.Helper()

	s, err := resource.AsStruct(o)
	if err != nil {
		tb.Fatal(err)
	}

	return s
}

// read reads the first object of a file below the root of the tree.
func read(tb testing.TB, into any, path ...string) {
	tb.Helper()

	d := decoder(tb, path...)
	if err := d.Decode(into); err != nil {
		tb.Fatalf("cannot read %s: %v", filepath.Join(path...), err)
	}
}

func readAll(tb testing.TB, path ...string) []*unstructured.Unstructured {
	tb.Helper()

	d, out := decoder(tb, path...), []*unstructured.Unstructured{}

	for {
		o := &unstructured.Unstructured{}

		switch err := d.Decode(o); {
		case err == io.EOF: //nolint:errorlint // It is returned as it is.
			return out
		case err != nil:
			tb.Fatalf("cannot read %s: %v", filepath.Join(path...), err)
		}

		out = append(out, o)
	}
}

func decoder(tb testing.TB, path ...string) *yaml.YAMLOrJSONDecoder {
	tb.Helper()

	f, err := os.Open(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() { _ = f.Close() })

	return yaml.NewYAMLOrJSONDecoder(f, 4096)
}
