//go:build linux

package stack

import (
	"context"
	"io"
	"log"

	pkapis "github.com/crossplane-contrib/provider-kubernetes/apis/cluster"
	pkmapis "github.com/crossplane-contrib/provider-kubernetes/apis/namespaced"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/crossplane/crossplane/apis/v2/apiextensions"
	xpextv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"github.com/crossplane/crossplane/apis/v2/pkg"
	protectionv1beta1 "github.com/crossplane/crossplane/apis/v2/protection/v1beta1"
	corev1 "k8s.io/api/core/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
)

// schemes lists the kinds that clients of the stack know.
func schemes() []func(*runtime.Scheme) error {
	return []func(*runtime.Scheme) error{
		clientscheme.AddToScheme,
		extv1.AddToScheme,
		apiextensions.AddToScheme,
		protectionv1beta1.SchemeBuilder.AddToScheme,
		pkg.AddToScheme,
		pkapis.AddToScheme,
		pkmapis.AddToScheme,
		prowv1.AddToScheme,
		apiv1.AddToScheme,
	}
}

// awaitAPI waits until TestPlatformCluster is served.
func (s *Stack) awaitAPI(ctx context.Context) error {
	xrd := &xpextv1.CompositeResourceDefinition{}
	key := types.NamespacedName{Name: konflux.DefinitionName(environments.Mode(s.API))}
	want := []xpv2.ConditionType{xpextv1.TypeEstablished, xpextv1.TypeOffered}

	if s.API == Namespaced {
		want = want[:1]
	}

	return poll(ctx, func(ctx context.Context) error {
		if err := s.Konflux.Get(ctx, key, xrd); err != nil {
			return errors.Wrap(err, "cannot get the XRD")
		}

		for _, t := range want {
			if c := xrd.Status.GetCondition(t); c.Status != corev1.ConditionTrue {
				return notYetError{errors.Errorf("XRD %s is not %s: %s %s", key.Name, t, c.Reason, c.Message)}
			}
		}

		return nil
	})
}

func (s *Stack) nopLog() *log.Logger { return log.New(io.Discard, "", 0) }
