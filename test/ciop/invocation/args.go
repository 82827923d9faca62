//go:build linux

package invocation

import (
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// arg is an argument that ci-operator is called with.
type arg struct {
	name string

	// value that it must have; any but the empty one if empty.
	value string

	// claim is set if it is there for a cluster claim only.
	claim bool
}

const inputHash = "input-hash"

// args lists ci-operator's arguments in their order.
func args() []arg {
	return []arg{
		{name: "gcs-upload-secret", value: "/secrets/gcs/service-account.json"},
		{name: "hive-kubeconfig", value: "/secrets/hive-hive-credentials/kubeconfig", claim: true},
		{name: "image-import-pull-secret", value: "/etc/pull-secret/.dockerconfigjson"},
		{name: "lease-server-credentials-file", value: "/etc/boskos/credentials"},
		{name: "report-credentials-file", value: "/etc/report/credentials"},
		{name: "secret-dir", value: "/secrets/ci-pull-credentials"},
		{name: "target", value: "cluster-provisioning"},
		{name: inputHash},
	}
}

// checkArgs checks arguments and returns the input hash.
func checkArgs(given []string, claim bool) (string, error) {
	want := slices.DeleteFunc(args(), func(a arg) bool { return a.claim && !claim })
	values := map[string]string{}
	last := -1

	for _, g := range given {
		name, v, _ := strings.Cut(strings.TrimPrefix(g, "--"), "=")

		i := slices.IndexFunc(want, func(a arg) bool { return strings.HasPrefix(g, "--") && a.name == name })
		if i < 0 {
			return "", errors.Errorf("unknown argument %q", g)
		}

		if _, twice := values[name]; twice {
			return "", errors.Errorf("argument --%s is given twice", name)
		}

		if v == "" || (want[i].value != "" && v != want[i].value) {
			return "", errors.Errorf("argument --%s has the wrong value %q", name, v)
		}

		if i < last {
			return "", errors.Errorf("argument --%s is out of order: it goes before --%s", name, want[last].name)
		}

		values[name], last = v, i
	}

	for _, w := range want {
		if _, ok := values[w.name]; !ok {
			return "", errors.Errorf("argument --%s is missing", w.name)
		}
	}

	return values[inputHash], nil
}
