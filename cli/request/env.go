package request

import (
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/util/validation"
)

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\uFEFF"

// envFrom reads a directory of environment variables: each file is one. Directories
// are passed over, and so is what begins with a dot: that is how Kubernetes keeps
// versions of a mounted Secret, and how others keep what is no content.
func envFrom(dir string) (map[string]any, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}

	env := map[string]any{}

	for _, e := range entries {
		path := filepath.Join(dir, e.Name())

		// Mounted Secrets are links.
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}

		if info.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}

		if wrong := validation.IsEnvVarName(e.Name()); len(wrong) > 0 {
			return nil, errors.Errorf("file %q does not have the name of an environment variable", e.Name())
		}

		b, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return nil, err
		}

		switch {
		case !utf8.Valid(b):
			return nil, errors.Errorf("file %q is not text", e.Name())
		case strings.Contains(string(b), nul):
			return nil, errors.Errorf("file %q %s", e.Name(), hasNUL)
		case strings.HasPrefix(string(b), byteOrderMark):
			return nil, errors.Errorf("file %q begins with a byte order mark, which would be part of the value: save it without", e.Name())
		}

		env[e.Name()] = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	}

	return env, nil
}
