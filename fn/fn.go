package main

import (
	"context"
	"maps"

	"github.com/crossplane/function-sdk-go/errors"
	"github.com/crossplane/function-sdk-go/logging"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/response"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/fn/input/v1beta1"
)

// Function composes an EphemeralCluster on app.ci, and reports it back.
type Function struct {
	fnv1.UnimplementedFunctionRunnerServiceServer

	log logging.Logger
}

// A call is all that one response is made of.
type call struct {
	composite   composite
	config      v1beta1.Config
	ec          observedEC
	credentials observedCredentials

	// published are the connection details that the composite already has.
	published map[string][]byte

	cluster    string
	ownership  ownership
	ciOperator *structpb.Value
	inputErr   error
	requestErr error
}

// RunFunction answers one call of Crossplane. The answer depends on the request
// alone, and equal requests have equal answers.
func (f *Function) RunFunction(_ context.Context, req *fnv1.RunFunctionRequest) (*fnv1.RunFunctionResponse, error) {
	// Nothing but the tag is logged: requests and responses hold credentials.
	f.log.Debug("running function", "tag", req.GetMeta().GetTag())

	rsp := response.To(req, ttlMoving)

	c := gather(req)
	requireEnvironment(rsp, c.config.EnvironmentConfigName)

	accepted := judge(c)
	details := connectionDetailsFor(c.composite, c.published, c.ec, c.credentials, c.ownership)
	handedOver := len(details[v1.KeyKubeconfig]) > 0

	// Conditions come before anything that might end the call: those that are missing
	// from a fatal response become Unknown, which clients see as a change.
	for _, cond := range reportedConditions(c.composite.externalName(), c.ec, c.ownership) {
		cond.addTo(rsp)
	}

	accepted.addTo(rsp)
	credentialsCondition(c.composite.externalName(), handedOver, c.ownership).addTo(rsp)

	if c.composite.name == "" {
		response.Fatal(rsp, errors.New("cannot compose for a composite resource without a name"))

		return rsp, nil
	}

	if c.inputErr != nil && !c.ec.exists() {
		response.Fatal(rsp, errors.Wrap(c.inputErr, "cannot read the function's input"))

		return rsp, nil
	}

	clusterReady := c.ownership == ownershipOurs && c.ec.isTrue(v1.ConditionClusterReady)
	phase := v1.Phase("")

	if c.ownership != ownershipForeign {
		phase = c.ec.phase()
	}

	c.setDesired(rsp, accepted, clusterReady, details)
	addEvents(rsp, c.composite, phase, accepted)
	rsp.Meta.Ttl = durationpb.New(ttlFor(phase, clusterReady, handedOver))

	return rsp, nil
}

// gather reads a request.
func gather(req *fnv1.RunFunctionRequest) call {
	xr := req.GetObserved().GetComposite()

	c := call{
		composite:   compositeFrom(xr.GetResource()),
		ec:          observedECFrom(req),
		credentials: observedCredentialsFrom(req),
		published:   xr.GetConnectionDetails(),
	}

	c.config, c.inputErr = configOf(req)
	c.config = pinned(c.config, c.inputErr != nil, c.ec, c.credentials)

	if c.composite.tenant == "" {
		c.composite.tenant = madeWith(c.ec, v1.AnnotationKonfluxTenant)
	}

	c.cluster = clusterFor(req, c.ec)
	c.ownership = ownershipOf(c.composite, c.cluster, c.ec)
	c.ciOperator, c.requestErr = ciOperatorFor(c.composite, c.ec)

	return c
}

// setDesired sets the desired state. Whatever was observed is desired again: what is
// left out would be deleted.
func (c call) setDesired(rsp *fnv1.RunFunctionResponse, accepted condition, clusterReady bool, details map[string][]byte) {
	resources := maps.Clone(rsp.GetDesired().GetResources())
	if resources == nil {
		resources = map[string]*fnv1.Resource{}
	}

	if c.ec.exists() || accepted.status != fnv1.Status_STATUS_CONDITION_FALSE {
		e := ephemeralClusterFor(c.composite, c.config, c.cluster, c.ec, c.ciOperator)
		o := objectForEC(c.composite, c.config, e, c.ec, c.ownership)
		resources[resourceEC] = &fnv1.Resource{Resource: o.resource(), Ready: readyIf(clusterReady)}
	}

	secretName := secretNameFor(c.ec, c.credentials, c.ownership)
	if secretName != "" {
		o := objectForCredentials(c.composite, c.config, secretName, c.ec)
		resources[resourceCredentials] = &fnv1.Resource{Resource: o.resource(), Ready: readyIf(len(c.credentials.details[v1.KeyKubeconfig]) > 0)}
	}

	rsp.Desired = &fnv1.State{
		Composite: &fnv1.Resource{
			Resource:          withStatus(rsp.GetDesired().GetComposite().GetResource(), statusFor(c.ec, c.ownership, secretName)),
			ConnectionDetails: merged(rsp.GetDesired().GetComposite().GetConnectionDetails(), details),
			// Said outright: a composite without composed resources would be ready, and
			// so would one whose credentials are not composed yet.
			Ready: readyIf(clusterReady && len(details[v1.KeyKubeconfig]) > 0),
		},
		Resources: resources,
	}
}

func merged(a, b map[string][]byte) map[string][]byte {
	if len(a) == 0 {
		return b
	}

	out := maps.Clone(a)
	maps.Copy(out, b)

	return out
}

func readyIf(ready bool) fnv1.Ready {
	if ready {
		return fnv1.Ready_READY_TRUE
	}

	return fnv1.Ready_READY_FALSE
}
