package request

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// nul ends text in the environment of a process.
const (
	nul    = "\x00"
	hasNUL = "has a NUL byte, which no environment variable can have"
)

// checkValues holds what no schema says of values: those that nothing would come of.
func (r *Request) checkValues() UsageErrors {
	var problems UsageErrors

	env := served.Path{"spec", "ciOperator", "test", "env"}
	values, _ := r.get(env...).(map[string]any)

	for _, name := range slices.Sorted(maps.Keys(values)) {
		if value, ok := values[name].(string); ok && strings.Contains(value, nul) {
			problems = append(problems, r.problem(append(slices.Clip(env), name), hasNUL))
		}
	}

	pool := served.Path{"spec", "ciOperator", "test", "clusterClaim", "version"}
	if version, ok := r.get(pool...).(string); ok && version != "" && !versions.MatchString(version) {
		problems = append(problems, r.problem(pool, fmt.Sprintf("%q is not a version: it must be such as 4.20, or 4.20.1", version)))
	}

	return problems
}

// versions of OpenShift, as pools have them, name at least a minor release. What versions
// releases may have, the schema says.
var versions = regexp.MustCompile(`^[0-9]+\.[0-9]+([.-][0-9A-Za-z.+-]*[0-9A-Za-z])?$`)

// ClaimTimeout is how long a cluster of Hive's pool is waited for, or nothing when that is
// not said.
func (r *Request) ClaimTimeout() time.Duration {
	said, _ := r.get("spec", "ciOperator", "test", "clusterClaim", "timeout").(string)

	d, err := time.ParseDuration(said)
	if err != nil {
		return 0
	}

	return d
}
