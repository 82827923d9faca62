package main

import (
	"context"
	"maps"

	"github.com/crossplane/function-sdk-go/errors"
	"github.com/crossplane/function-sdk-go/logging"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/response"
	"google.golang.org/protobuf/types/known/structpb"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/fn/input/v1beta1"
)

// Function composes an EphemeralCluster on app.ci, and reports it back.
type Function struct {
	fnv1.UnimplementedFunctionRunnerServiceServer

	log    logging.Logger
	schema *schema
}

// newFunction returns a function that judges requests by the CRD that this program was
// built with.
func newFunction(log logging.Logger) (*Function, error) {
	s, err := newSchema()
	if err != nil {
		return nil, errors.Wrap(err, "cannot read what app.ci holds requests against")
	}

	return &Function{log: log, schema: s}, nil
}

// A call is all that one response is made of.
type call struct {
	composite   composite
	config      v1beta1.Config
	ec          observedEC
	credentials observedCredentials
	secret      tenantSecret
	handover    handover

	cluster    string
	ownership  ownership
	ciOperator *structpb.Value
	inputErr   error
	requestErr error

	// details are what a claim's tenant is to have, nil for nothing.
	details map[string][]byte
}

// RunFunction answers one call of Crossplane. The answer depends on the request
// alone, and equal requests have equal answers.
func (f *Function) RunFunction(_ context.Context, req *fnv1.RunFunctionRequest) (*fnv1.RunFunctionResponse, error) {
	// Nothing but the tag is logged: requests and responses hold credentials.
	f.log.Debug("running function", "tag", req.GetMeta().GetTag())

	c := gather(req, f.schema) //nolint:contextcheck // A schema's rules ask nobody, and take no time to speak of.
	accepted := judge(c)

	rsp := response.To(req, ttlFor(c.phase(), c.handingOver() || c.secret.taken || c.secret.unnamed, c.handedOver()))
	requireEnvironment(rsp, c.config.EnvironmentConfigName)

	if !c.ec.exists() {
		requireSecret(rsp, c.composite, c.secret)
	}

	// Conditions come before anything that might end the call: those that are missing
	// from a fatal response become Unknown, which clients see as a change.
	reported, appCI := reportedConditions(c.composite, c.ec, c.ownership), appCICondition(c)
	for _, cond := range append(reported, accepted, credentialsCondition(c), appCI) {
		cond.addTo(rsp)
	}

	if err := c.impossible(); err != nil {
		response.Fatal(rsp, err)

		return rsp, nil
	}

	if err := c.setDesired(rsp, accepted, appCI); err != nil {
		response.Fatal(rsp, err)

		return rsp, nil
	}

	addEvents(rsp, c.composite, c.phase(), accepted)

	return rsp, nil
}

// gather reads a request.
func gather(req *fnv1.RunFunctionRequest, s *schema) call {
	xr := req.GetObserved().GetComposite()

	c := call{
		composite:   compositeFrom(xr.GetResource()),
		ec:          observedECFrom(req),
		credentials: observedCredentialsFrom(req),
	}

	c.config, c.inputErr = configOf(req)
	c.config = pinned(c.config, c.inputErr != nil, c.ec, c.credentials)

	if c.composite.tenant == "" {
		c.composite.tenant = madeWith(c.ec, v1.AnnotationKonfluxTenant)
	}

	configured := configuredCluster(req)

	c.secret = tenantSecretFrom(req, c.composite)
	c.handover = handoverFrom(req, c.composite)
	c.ownership = ownershipOf(c.composite, configured, c.ec)
	c.cluster = clusterFor(configured, c.ec, c.ownership)
	c.ciOperator, c.requestErr = ciOperatorFor(c.composite, c.ec, s)

	if !c.composite.namespaced() {
		c.details = connectionDetailsFor(xr.GetConnectionDetails(), c.ec, c.credentials, c.ownership)
	}

	return c
}

// impossible returns why there can be no answer.
func (c call) impossible() error {
	switch {
	case c.composite.name == "":
		return errors.New("cannot compose for a composite resource without a name")
	case c.composite.namespaced() && c.composite.uid == "":
		return errors.New("cannot compose for a namespaced composite resource without a UID")
	case c.inputErr != nil && !c.ec.exists():
		return errors.Wrap(c.inputErr, "cannot read the function's input")
	default:
		return nil
	}
}

// phase is the EphemeralCluster's, unless that is another's.
func (c call) phase() v1.Phase {
	if c.ownership == ownershipForeign {
		return ""
	}

	return c.ec.phase()
}

func (c call) clusterReady() bool {
	return c.ownership == ownershipOurs && c.ec.isTrue(v1.ConditionClusterReady)
}

// handedOver reports whether the tenant has the credentials once this call's answer
// is applied.
func (c call) handedOver() bool {
	if c.composite.namespaced() {
		return c.handover.in != "" && c.ownership != ownershipForeign
	}

	return len(c.details[v1.KeyKubeconfig]) > 0
}

// handingOver reports whether the credentials are somewhere and not here yet, or not
// where they are to be.
func (c call) handingOver() bool {
	if !c.clusterReady() || c.secret.invalid() || c.handover.refused() {
		return false
	}

	return (!c.handedOver() || c.handover.moving) && secretNameFor(c.ec, c.credentials, c.ownership) != ""
}

// setDesired sets the desired state. Whatever was observed is desired again, but for
// Objects that wrote to a Secret that is not the tenant's any more: what is left out
// would be deleted.
func (c call) setDesired(rsp *fnv1.RunFunctionResponse, accepted, appCI condition) error {
	resources := maps.Clone(rsp.GetDesired().GetResources())
	if resources == nil {
		resources = map[string]*fnv1.Resource{}
	}

	refused := accepted.status == fnv1.Status_STATUS_CONDITION_FALSE

	if c.ec.exists() || !refused {
		e := ephemeralClusterFor(c.composite, c.config, c.cluster, c.ec, c.ciOperator)

		// What may not write yet is not let to for a request that is refused.
		mayWrite := c.ownership.mayWrite() && (!c.ec.observeOnly || !refused)

		o, err := objectForEC(c.composite, c.config, e, c.ec, mayWrite).resource()
		if err != nil {
			return errors.Wrapf(err, "cannot compose %q", resourceEC)
		}

		resources[resourceEC] = &fnv1.Resource{Resource: o, Ready: readyIf(c.clusterReady())}
	}

	before := rsp.GetDesired().GetComposite()
	composite := &fnv1.Resource{
		ConnectionDetails: before.GetConnectionDetails(),
		// Said outright: a composite without composed resources would be ready, and so
		// would one whose credentials are not composed yet.
		Ready: readyIf(c.clusterReady() && c.handedOver()),
	}

	secretName := c.handover.in
	if c.ownership == ownershipForeign {
		secretName = ""
	}

	if c.composite.namespaced() {
		if err := c.handover.compose(c, resources); err != nil {
			return err
		}
	} else {
		secretName = secretNameFor(c.ec, c.credentials, c.ownership)
		if err := c.composeCredentials(secretName, resources); err != nil {
			return err
		}

		composite.ConnectionDetails = merged(composite.GetConnectionDetails(), c.details)
	}

	composite.Resource = withStatus(before.GetResource(), statusFor(c, secretName, messageFor(c, accepted, appCI)))
	rsp.Desired = &fnv1.State{Composite: composite, Resources: resources}

	return nil
}

// composeCredentials adds the Object that a claim's credentials come from.
func (c call) composeCredentials(secretName string, resources map[string]*fnv1.Resource) error {
	if secretName == "" {
		return nil
	}

	name := "credentials-" + c.composite.externalName()

	o, err := objectForCredentials(c.composite, c.config, name, secretName, name, c.ec).resource()
	if err != nil {
		return errors.Wrapf(err, "cannot compose %q", resourceCredentials)
	}

	resources[resourceCredentials] = &fnv1.Resource{Resource: o, Ready: readyIf(len(c.credentials.details[v1.KeyKubeconfig]) > 0)}

	return nil
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
