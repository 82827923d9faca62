// Package request makes the object that asks for a cluster out of what the command
// line says, and says which part of the command line is wrong.
package request

import (
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// Params are the flags that say which cluster is asked for. Those that hold objects
// are text, as JSON or YAML, or name a file of it. An empty one is as good as none.
type Params struct {
	Filename string `help:"Start from this manifest of a TestPlatformCluster; other flags replace what it says." name:"filename" placeholder:"FILE" short:"f"`

	Name       string `help:"Name of the TestPlatformCluster, at most 63 characters. In a pipeline, the TaskRun's name." placeholder:"NAME"`
	SecretName string `help:"Secret that will hold the kubeconfig; by default the name with -secret appended."           placeholder:"NAME"`
	Owner      string `help:"PipelineRun or TaskRun that owns the cluster: when it is deleted, so is the cluster."       placeholder:"KIND/NAME/UID"`

	Workflow       string `help:"Workflow of the step registry that installs and destroys the cluster, such as ipi-aws."                                                            placeholder:"NAME"`
	ClusterProfile string `help:"Cloud account to install in, such as aws. Your tenant must be among its owners."                                                                   placeholder:"NAME"`
	ClusterClaim   string `help:"A cluster of a Hive pool, in place of a cluster profile: cloud, owner, version, product, and so on."                                               placeholder:"OBJECT"`
	Releases       string `help:"OpenShift releases by name; the cluster is installed from the one named latest."                                                                   placeholder:"OBJECT"`
	Env            string `help:"Parameters of the workflow, by name. Every value is a string: put numbers in quotes."                                                              placeholder:"OBJECT"`
	EnvFrom        string `help:"Directory with a file for each further parameter: its name is the file's, its value the content without the last line break. They win over --env." placeholder:"DIR"`

	BuildRoot      string `help:"Image that ci-operator builds in; by default the tag rhel-9-release-golang-1.24-openshift-4.20 of openshift/release." placeholder:"OBJECT"`
	BaseImages     string `help:"Image stream tags that steps refer to, by name."                                                                      placeholder:"OBJECT"`
	ExternalImages string `help:"Images of other registries that steps refer to, by name."                                                             placeholder:"OBJECT"`
	Resources      string `help:"Compute resources of steps, by the step's name or *: requests and limits."                                            placeholder:"OBJECT"`

	PipelineRunName         string `help:"PipelineRun to name the job in OpenShift CI after; by default the owner, if it is one." placeholder:"NAME"`
	TaskRunName             string `help:"TaskRun to name the job in OpenShift CI after, without a PipelineRun."                  placeholder:"NAME"`
	HostedManagementCluster string `help:"Accepted for the sake of pipelines that set it, and not used."                          hidden:""          placeholder:"NAME"`
}

// DefaultBuildRoot is the image that ci-operator builds in when nothing else is said.
func DefaultBuildRoot() map[string]any {
	return map[string]any{"image_stream_tag": map[string]any{
		"namespace": "openshift",
		"name":      "release",
		"tag":       "rhel-9-release-golang-1.24-openshift-4.20",
	}}
}

// Names of the flags, as problems name them.
const (
	flagFilename       = "--filename"
	flagName           = "--name"
	flagSecretName     = "--secret-name"
	flagOwner          = "--owner"
	flagWorkflow       = "--workflow"
	flagClusterProfile = "--cluster-profile"
	flagClusterClaim   = "--cluster-claim"
	flagReleases       = "--releases"
	flagEnv            = "--env"
	flagEnvFrom        = "--env-from"
	flagBuildRoot      = "--build-root"
	flagBaseImages     = "--base-images"
	flagExternalImages = "--external-images"
	flagResources      = "--resources"
	flagPipelineRun    = "--pipeline-run-name"
	flagTaskRun        = "--task-run-name"
)

// A parameter is what one flag sets.
type parameter struct {
	flag string
	path served.Path
	text string

	// structured is true for flags that hold an object.
	structured bool
}

// parameters are those of spec.ciOperator.
func (p Params) parameters() []parameter {
	spec := func(keys ...string) served.Path { return append(served.Path{"spec", "ciOperator"}, keys...) }

	return []parameter{
		{flag: flagBuildRoot, path: spec("buildRoot"), text: p.BuildRoot, structured: true},
		{flag: flagBaseImages, path: spec("baseImages"), text: p.BaseImages, structured: true},
		{flag: flagExternalImages, path: spec("externalImages"), text: p.ExternalImages, structured: true},
		{flag: flagReleases, path: spec("releases"), text: p.Releases, structured: true},
		{flag: flagResources, path: spec("resources"), text: p.Resources, structured: true},
		{flag: flagWorkflow, path: spec("test", "workflow"), text: p.Workflow},
		{flag: flagClusterProfile, path: spec("test", "clusterProfile"), text: p.ClusterProfile},
		{flag: flagClusterClaim, path: spec("test", "clusterClaim"), text: p.ClusterClaim, structured: true},
		{flag: flagEnv, path: spec("test", "env"), text: p.Env, structured: true},
	}
}
