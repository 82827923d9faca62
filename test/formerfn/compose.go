package main

import (
	"context"
	"encoding/json"

	objectv1alpha2 "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	"github.com/crossplane/crossplane-runtime/v2/pkg/fieldpath"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"github.com/crossplane/function-sdk-go/errors"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/request"
	"github.com/crossplane/function-sdk-go/resource"
	"github.com/crossplane/function-sdk-go/resource/composed"
	"github.com/crossplane/function-sdk-go/response"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// pending is the Secret that the credentials Object names until there is one.
const pending = "pending"

const readyQuery = `object.status.conditions.exists(c, c.type == "ClusterReady" && c.status == "True")`

type former struct {
	fnv1.UnimplementedFunctionRunnerServiceServer
}

// RunFunction composes for a claim's composite.
func (former) RunFunction(_ context.Context, req *fnv1.RunFunctionRequest) (*fnv1.RunFunctionResponse, error) {
	rsp := response.To(req, response.DefaultTTL)

	if err := compose(req, rsp); err != nil {
		response.Fatal(rsp, err)
	}

	return rsp, nil
}

func compose(req *fnv1.RunFunctionRequest, rsp *fnv1.RunFunctionResponse) error {
	xr, err := request.GetObservedCompositeResource(req)
	if err != nil {
		return err
	}

	observed, err := request.GetObservedComposedResources(req)
	if err != nil {
		return err
	}

	environment, _, err := request.GetRequiredResource(req, "environment")
	if err != nil || len(environment) != 1 {
		return errors.Errorf("want one EnvironmentConfig, got %d: %v", len(environment), err)
	}

	cluster, err := fieldpath.Pave(environment[0].Resource.Object).GetString("data." + v1alpha1.EnvironmentConfigKey)
	if err != nil {
		return err
	}

	ec := &apiv1.EphemeralCluster{}

	if o := observed["ec"].Resource; o != nil {
		// There is none before the provider has made it.
		_ = fieldpath.Pave(o.Object).GetValueInto("status.atProvider.manifest", ec)
	}

	managed, err := managedObject(xr, cluster)
	if err != nil {
		return err
	}

	credentials, err := credentialsObject(xr.Resource.GetName(), ec.Status.SecretRef)
	if err != nil {
		return err
	}

	report(rsp, ec)

	ready := ec.Status.IsTrue(apiv1.ConditionClusterReady) && len(observed["credentials"].ConnectionDetails) > 0
	desired := map[resource.Name]*resource.DesiredComposed{
		"ec":          {Resource: managed, Ready: readyIf(ec.Status.IsTrue(apiv1.ConditionClusterReady))},
		"credentials": {Resource: credentials, Ready: readyIf(ready)},
	}

	if err := response.SetDesiredComposedResources(rsp, desired); err != nil {
		return err
	}

	rsp.Desired.Composite = &fnv1.Resource{ConnectionDetails: observed["credentials"].ConnectionDetails}

	return nil
}

func managedObject(xr *resource.Composite, cluster string) (*composed.Unstructured, error) {
	p := fieldpath.Pave(xr.Resource.Object)

	tenant, err := p.GetString("spec.claimRef.namespace")
	if err != nil {
		return nil, err
	}

	spec := map[string]any{}

	for _, name := range []string{"ciOperator", "tearDownCluster"} {
		if v, err := p.GetValue("spec." + name); err == nil {
			spec[name] = v
		}
	}

	annotations := map[string]any{apiv1.AnnotationKonfluxTenant: tenant, apiv1.AnnotationKonfluxCluster: cluster}

	for _, name := range []string{apiv1.AnnotationPipelineRunName, apiv1.AnnotationTaskRunName} {
		if v, ok := xr.Resource.GetAnnotations()[name]; ok {
			annotations[name] = v
		}
	}

	return object("managed-"+xr.Resource.GetName(), map[string]any{
		"apiVersion": apiv1.Group + "/" + apiv1.Version,
		"kind":       apiv1.Kind,
		"metadata": map[string]any{
			"name":        xr.Resource.GetName(),
			"namespace":   apiv1.DefaultNamespace,
			"annotations": annotations,
		},
		"spec": spec,
	}, func(o *objectv1alpha2.Object) {
		o.Spec.Readiness = objectv1alpha2.Readiness{Policy: objectv1alpha2.ReadinessPolicyDeriveFromCelQuery, CelQuery: readyQuery}
	})
}

func credentialsObject(name, secret string) (*composed.Unstructured, error) {
	if secret == "" {
		secret = pending
	}

	return object("credentials-"+name, map[string]any{
		"apiVersion": "v1",
		"kind":       "Secret",
		"metadata":   map[string]any{"name": secret, "namespace": apiv1.DefaultNamespace},
	}, func(o *objectv1alpha2.Object) {
		o.Spec.ManagementPolicies = xpv2.ManagementPolicies{xpv2.ManagementActionObserve}
		o.Spec.WriteConnectionSecretToReference = &xpv2.SecretReference{Name: o.Name, Namespace: v1alpha1.ConnectionSecretNamespace}

		for _, key := range []string{apiv1.KeyKubeconfig, apiv1.KeyKubeAdminPassword} {
			o.Spec.ConnectionDetails = append(o.Spec.ConnectionDetails, objectv1alpha2.ConnectionDetail{
				ObjectReference: corev1.ObjectReference{
					APIVersion: "v1", Kind: "Secret", Name: secret, Namespace: apiv1.DefaultNamespace, FieldPath: "data." + key,
				},
				ToConnectionSecretKey: key,
			})
		}
	})
}

// object returns an Object that keeps what a manifest describes, and watches it.
func object(name string, manifest map[string]any, with func(*objectv1alpha2.Object)) (*composed.Unstructured, error) {
	raw, err := json.Marshal(manifest)
	if err != nil {
		return nil, errors.Wrap(err, "cannot encode a manifest")
	}

	o := &objectv1alpha2.Object{ObjectMeta: metav1.ObjectMeta{Name: name}}
	o.Spec.ForProvider.Manifest.Raw = raw
	o.Spec.Watch = true
	o.Spec.ProviderConfigReference = &xpv2.Reference{Name: v1alpha1.ProviderConfigName}
	with(o)

	return composed.From(o)
}

// report reports on the composite and the claim as the former Composition did.
func report(rsp *fnv1.RunFunctionResponse, ec *apiv1.EphemeralCluster) {
	response.ConditionTrue(rsp, v1alpha1.ConditionPhase, "Reported").WithMessage(string(ec.Status.Phase)).TargetCompositeAndClaim()
	response.ConditionTrue(rsp, v1alpha1.ConditionProwJobURL, "Reported").WithMessage(ec.Status.ProwJobURL).TargetCompositeAndClaim()

	for _, c := range ec.Status.Conditions {
		add := response.ConditionFalse
		if string(c.Status) == string(metav1.ConditionTrue) {
			add = response.ConditionTrue
		}

		add(rsp, string(c.Type), c.Reason).WithMessage(c.Message).TargetCompositeAndClaim()
	}
}

func readyIf(ready bool) resource.Ready {
	if ready {
		return resource.ReadyTrue
	}

	return resource.ReadyFalse
}
