// Package cioperator writes the configuration that ci-operator provisions an
// ephemeral cluster from. ci-operator's own module is not a dependency: the few
// types needed carry its field names here and in the EphemeralCluster API.
package cioperator

import (
	"fmt"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"sigs.k8s.io/yaml"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// cron is mandatory on a periodic test. The job is created directly, so the
	// schedule itself never fires.
	cron = "@yearly"

	// cliImage is the image with oc that a release payload brings along.
	cliImage = "cli"

	waitStepName = "wait-test-complete"

	// allResources is ci-operator's key for the resources of every step.
	allResources = "*"
)

// ErrNoReleases means that nothing in the spec says which OpenShift to install.
// ci-operator refuses such a configuration, however often it is tried.
var ErrNoReleases = errors.New("neither releases nor clusterClaim is set: add a release to spec.ciOperator.releases, or set spec.ciOperator.test.clusterClaim")

// Config is the part of ci-operator's configuration that is used here.
type Config struct {
	BaseImages     map[string]v1.ImageStreamTag       `json:"base_images,omitempty"`
	BuildRoot      *v1.BuildRoot                      `json:"build_root,omitempty"`
	ExternalImages map[string]v1.ExternalImage        `json:"external_images,omitempty"`
	Releases       map[string]v1.Release              `json:"releases,omitempty"`
	Resources      map[string]v1.ResourceRequirements `json:"resources,omitempty"`
	Tests          []Test                             `json:"tests,omitempty"`
	Metadata       Metadata                           `json:"zz_generated_metadata"`
}

// Test is one test of a configuration.
type Test struct {
	As           string           `json:"as"`
	Cron         string           `json:"cron,omitempty"`
	ClusterClaim *v1.ClusterClaim `json:"cluster_claim,omitempty"`
	Steps        *Steps           `json:"steps,omitempty"`
}

// Steps are what a test runs.
type Steps struct {
	ClusterProfile string            `json:"cluster_profile,omitempty"`
	Env            map[string]string `json:"env,omitempty"`
	Test           []LiteralStep     `json:"test,omitempty"`
	Workflow       string            `json:"workflow,omitempty"`
}

// LiteralStep is a step written out in the configuration.
type LiteralStep struct {
	As        string                  `json:"as"`
	Commands  string                  `json:"commands"`
	From      string                  `json:"from"`
	Resources v1.ResourceRequirements `json:"resources"`
	Timeout   string                  `json:"timeout,omitempty"`
}

// Metadata says which repository a configuration is for.
type Metadata struct {
	Org    string `json:"org"`
	Repo   string `json:"repo"`
	Branch string `json:"branch"`
}

// New makes the configuration for a spec. The cli tag is the image with oc for
// clusters that are claimed, which bring no release payload to take one from. The
// signal to tear down is waited for no longer than is said.
func New(spec v1.CIOperatorSpec, cli v1.ImageStreamTag, wait time.Duration) (*Config, error) {
	claim := spec.Test.ClusterClaim
	if len(spec.Releases) == 0 && claim == nil {
		return nil, ErrNoReleases
	}

	c := &Config{
		BaseImages:     spec.BaseImages,
		BuildRoot:      spec.BuildRoot,
		ExternalImages: spec.ExternalImages,
		Releases:       spec.Releases,
		Resources:      spec.Resources,
		Metadata:       Metadata{Org: "org", Repo: "repo", Branch: "branch"},
	}

	if len(c.Resources) == 0 {
		c.Resources = map[string]v1.ResourceRequirements{allResources: {
			Limits:   map[string]v1.Quantity{"memory": "400Mi"},
			Requests: map[string]v1.Quantity{"cpu": "200m"},
		}}
	}

	from := cliImage
	if claim != nil {
		c.BaseImages, from = withCLI(spec.BaseImages, cli)
	}

	c.Tests = []Test{{
		As:           v1.TestName,
		Cron:         cron,
		ClusterClaim: claim,
		Steps: &Steps{
			ClusterProfile: spec.Test.ClusterProfile,
			Env:            spec.Test.Env,
			Workflow:       spec.Test.Workflow,
			Test: []LiteralStep{{
				As:       waitStepName,
				From:     from,
				Commands: WaitScript,
				Resources: v1.ResourceRequirements{
					Limits:   map[string]v1.Quantity{"memory": "100Mi"},
					Requests: map[string]v1.Quantity{"cpu": "10m"},
				},
				// ci-operator's default is two hours.
				Timeout: wait.String(),
			}},
		},
	}}

	return c, nil
}

// TooLargeError means that a configuration does not fit into the variable that it travels in.
type TooLargeError struct {
	// Size is how many bytes it has.
	Size int
}

func (e TooLargeError) Error() string {
	return fmt.Sprintf("spec.ciOperator is too large: ci-operator's configuration made of it has %d bytes, and its variable %s takes at most %d", e.Size, v1.ConfigVariable, v1.ConfigLimit)
}

// YAML renders the configuration, the same for the same spec. It fails for one that no
// process could be given.
func (c *Config) YAML() (string, error) {
	b, err := yaml.Marshal(c)
	if err == nil && len(b) > v1.ConfigLimit {
		return "", TooLargeError{Size: len(b)}
	}

	return string(b), errors.Wrap(err, "cannot render ci-operator configuration")
}

// withCLI adds the cli tag to base images under a name that no image of the
// requester has: one longer than every name it could clash with.
func withCLI(images map[string]v1.ImageStreamTag, cli v1.ImageStreamTag) (map[string]v1.ImageStreamTag, string) {
	longest := ""
	out := make(map[string]v1.ImageStreamTag, len(images)+1)

	for name, tag := range images {
		out[name] = tag

		if !strings.HasPrefix(name, cliImage) {
			continue
		}

		// Names of the same length are told apart so that the choice is stable.
		if len(name) > len(longest) || len(name) == len(longest) && name > longest {
			longest = name
		}
	}

	name := cliImage
	if longest != "" {
		name = longest + "-2"
	}

	out[name] = cli

	return out, name
}

// ParseImageStreamTag reads a tag written as namespace/name:tag.
func ParseImageStreamTag(s string) (v1.ImageStreamTag, error) {
	namespace, rest, ok := strings.Cut(s, "/")
	name, tag, ok2 := strings.Cut(rest, ":")

	if !ok || !ok2 || namespace == "" || name == "" || tag == "" || strings.ContainsAny(name+tag, "/:") {
		return v1.ImageStreamTag{}, errors.Errorf("image stream tag %q is not of the form namespace/name:tag", s)
	}

	return v1.ImageStreamTag{Namespace: namespace, Name: name, Tag: tag}, nil
}
