package ephemeralcluster

import (
	"bytes"
	"context"
	"fmt"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

// credentials of an ephemeral cluster. Its text form hides them, should it ever be
// printed.
type credentials struct {
	kubeconfig []byte
	password   []byte
}

// String hides the credentials.
func (credentials) String() string { return "credentials" }

// GoString hides the credentials.
func (credentials) GoString() string { return "credentials" }

func (c credentials) complete(claim bool) bool {
	return len(c.kubeconfig) > 0 && (!claim || len(c.password) > 0)
}

// publish copies the credentials from the build cluster to where they are asked for.
func (r *Reconciler) publish(ctx context.Context, s *scope, bc BuildCluster) error {
	namespaces, err := bc.Namespaces(s.job.GetName())
	if err != nil {
		return s.unavailable(err)
	}

	claim := claimed(s.ec)
	creds := find(bc, namespaces, claim)

	if !creds.complete(claim) {
		if err := bc.Health(); err != nil {
			return s.unavailable(err)
		}

		s.await(missing(namespaces, claim))

		return nil
	}

	return r.publishSecret(ctx, s, creds)
}

// find reads the credentials from the first namespace that has them.
func find(bc BuildCluster, namespaces []string, claim bool) credentials {
	for _, ns := range namespaces {
		c := credentials{kubeconfig: bc.Secret(ns, buildfarm.SecretProvisioning)}
		if claim {
			c = credentials{
				kubeconfig: bc.Secret(ns, buildfarm.SecretHiveKubeconfig),
				password:   bc.Secret(ns, buildfarm.SecretHivePassword),
			}
		}

		if c.complete(claim) {
			return c
		}
	}

	return credentials{}
}

// missing says what a cluster that is not ready lacks.
func missing(namespaces []string, claim bool) string {
	switch {
	case len(namespaces) == 0:
		return v1.MessageNamespaceNotFound
	case claim:
		return v1.MessageHiveSecretsNotReady
	}

	return v1.MessageKubeconfigNotReady
}

// await concludes that the cluster is not ready. One whose credentials were
// published stays so: it is its ProwJob's end that ends it.
func (s *scope) await(message string) {
	if s.old.IsTrue(v1.ConditionClusterReady) {
		s.keepReady("")

		return
	}

	s.set(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, message)
}

// unavailable concludes that the build cluster cannot be read. Its watches bring
// another pass when it can.
func (s *scope) unavailable(err error) error {
	if errors.Is(err, buildfarm.ErrNotYet) {
		if s.old.GetCondition(v1.ConditionClusterReady) == nil {
			s.await(v1.MessageNamespaceNotFound)
		}

		return err
	}

	if s.old.IsTrue(v1.ConditionClusterReady) {
		s.keepReady(err.Error())
	} else {
		s.await(err.Error())
	}

	s.requeue(later)

	return nil
}

// keepReady keeps a cluster ready whose credentials were published earlier.
func (s *scope) keepReady(message string) {
	s.set(v1.ConditionClusterReady, metav1.ConditionTrue, "", message)
}

// publishSecret writes the credentials Secret, and concludes that the cluster is
// ready once it is written.
func (r *Reconciler) publishSecret(ctx context.Context, s *scope, creds credentials) error {
	err := r.ensureSecret(ctx, s.ec, creds)

	switch {
	case errors.Is(err, errNotOwned):
		s.foreignSecret = true
		s.set(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, err.Error())
		s.requeue(later)

		return nil
	case kerrors.IsConflict(err):
		return err
	case err != nil:
		s.set(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, "cannot publish credentials: "+buildfarm.Describe(err))

		return errors.Wrap(err, "cannot publish credentials")
	}

	s.credentials = creds
	s.set(v1.ConditionClusterReady, metav1.ConditionTrue, "", "")

	return nil
}

var errNotOwned = errors.New("not owned by this EphemeralCluster")

// ensureSecret makes the credentials Secret be as wanted. It is read from the API
// server: a cache of it would take the right to list every Secret there.
func (r *Reconciler) ensureSecret(ctx context.Context, ec *v1.EphemeralCluster, creds credentials) error {
	name := v1.CredentialsSecretName(ec.GetName())
	// Both keys always exist: who reads them fails on one that does not.
	want := map[string][]byte{
		v1.KeyKubeconfig:        creds.kubeconfig,
		v1.KeyKubeAdminPassword: bytes.Clone(creds.password),
	}
	if want[v1.KeyKubeAdminPassword] == nil {
		want[v1.KeyKubeAdminPassword] = []byte{}
	}

	have := &corev1.Secret{}
	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: ec.GetNamespace(), Name: name}, have)

	if kerrors.IsNotFound(err) {
		return r.Client.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace:       ec.GetNamespace(),
				Name:            name,
				OwnerReferences: []metav1.OwnerReference{ownerReference(ec)},
			},
			Data: want,
		})
	}

	if err != nil {
		return err
	}

	if !owned(have, ec) {
		return errors.Wrap(errNotOwned, fmt.Sprintf("Secret %q", name))
	}

	if equality.Semantic.DeepEqual(have.Data, want) {
		return nil
	}

	have.Data = want

	return r.Client.Update(ctx, have)
}

// ownerReference does not block the owner's deletion: that would take the right to
// update the owner's finalizers.
func ownerReference(ec *v1.EphemeralCluster) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: v1.GroupVersion.String(),
		Kind:       v1.Kind,
		Name:       ec.GetName(),
		UID:        ec.GetUID(),
		Controller: new(true),
	}
}

func owned(s *corev1.Secret, ec *v1.EphemeralCluster) bool {
	for _, ref := range s.GetOwnerReferences() {
		if ref.UID == ec.GetUID() {
			return true
		}
	}

	return false
}
