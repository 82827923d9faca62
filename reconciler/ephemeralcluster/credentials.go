package ephemeralcluster

import (
	"context"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

// credentials of an ephemeral cluster.
type credentials struct {
	kubeconfig buildfarm.Credential
	password   buildfarm.Credential
}

func (c credentials) complete(claim bool) bool {
	return c.kubeconfig.Known() && (!claim || c.password.Known())
}

// since is when the last of them was first seen.
func (c credentials) since() time.Time {
	if c.password.Since.After(c.kubeconfig.Since) {
		return c.password.Since
	}

	return c.kubeconfig.Since
}

// publish copies the credentials from the build cluster to where they are asked for.
func (r *Reconciler) publish(ctx context.Context, s *scope, bc BuildCluster) error {
	namespaces, err := bc.Namespaces(s.job.GetName())
	if err != nil {
		return r.unavailable(ctx, s, err)
	}

	claim := claimed(s.ec)
	creds := find(bc, namespaces, claim)

	if !creds.complete(claim) {
		if err := bc.Health(); err != nil {
			return r.unavailable(ctx, s, err)
		}

		return r.awaitStage(ctx, s, missing(namespaces, claim))
	}

	return r.publishSecret(ctx, s, bc, creds)
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

// unavailable concludes that the build cluster cannot be read. Its watches bring
// another pass when it can. A cluster whose credentials were published stays ready:
// it is its ProwJob's end that ends it.
func (r *Reconciler) unavailable(ctx context.Context, s *scope, err error) error {
	if errors.Is(err, buildfarm.ErrNotYet) {
		if s.old.GetCondition(v1.ConditionClusterReady) == nil {
			return errors.Join(err, r.awaitStage(ctx, s, v1.MessageNamespaceNotFound))
		}

		return err
	}

	if s.old.IsTrue(v1.ConditionClusterReady) {
		s.keepReady(err.Error())
	} else {
		s.notReady(err.Error())
	}

	s.requeue(later)

	return nil
}

// notReady concludes that the cluster is not ready.
func (s *scope) notReady(message string) {
	s.set(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, message)
}

// keepReady concludes that the cluster is ready, with or without a message about what may
// need somebody's attention.
func (s *scope) keepReady(message string) {
	s.set(v1.ConditionClusterReady, metav1.ConditionTrue, "", message)
}

// messageNotPublished begins the message of a ClusterReady whose credentials are there
// but cannot be published.
const messageNotPublished = "cannot publish credentials: "

// messageNotKept begins the message of a ClusterReady whose credentials were published, and
// may since have changed, or be gone.
const messageNotKept = "cannot keep the published credentials up to date: "

// publishSecret writes the credentials Secret, and concludes that the cluster is
// ready once it is written.
func (r *Reconciler) publishSecret(ctx context.Context, s *scope, bc BuildCluster, creds credentials) error {
	refreshed, err := r.ensureSecret(ctx, s.ec, creds)

	switch {
	case errors.Is(err, errNotOwned):
		s.foreignSecret = true
		s.notReady(messageNotPublished + err.Error())
		s.requeue(later)

		return nil
	case kerrors.IsConflict(err):
		return err
	case err != nil && s.old.IsTrue(v1.ConditionClusterReady):
		s.keepReady(messageNotKept + buildfarm.Describe(err))

		return errors.Wrap(err, "cannot keep credentials up to date")
	case err != nil:
		s.notReady(messageNotPublished + buildfarm.Describe(err))

		return errors.Wrap(err, "cannot publish credentials")
	}

	if refreshed {
		s.tell(normal(reasonCredentialsRefreshed, "the credentials in Secret "+v1.CredentialsSecretName(s.ec.GetName())+" have changed"))
	}

	s.credentials = creds

	message := ""
	if err := bc.Health(); err != nil {
		// What is published is what was seen before.
		message = err.Error()
	}

	s.keepReady(message)

	return nil
}

var errNotOwned = errors.New("not owned by this EphemeralCluster, and in the way until it is deleted")

// ensureSecret makes the credentials Secret be as wanted, and reports whether it had
// others before. It is read from the API server: a cache of it would take the right
// to list every Secret there.
func (r *Reconciler) ensureSecret(ctx context.Context, ec *v1.EphemeralCluster, creds credentials) (bool, error) {
	name := v1.CredentialsSecretName(ec.GetName())
	// Both keys always exist: who reads them fails on one that does not.
	want := map[string][]byte{
		v1.KeyKubeconfig:        creds.kubeconfig.Reveal(),
		v1.KeyKubeAdminPassword: creds.password.Reveal(),
	}
	if want[v1.KeyKubeAdminPassword] == nil {
		want[v1.KeyKubeAdminPassword] = []byte{}
	}

	create := func() error {
		return r.Client.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace:       ec.GetNamespace(),
				Name:            name,
				OwnerReferences: []metav1.OwnerReference{ownerReference(ec)},
			},
			Data: want,
		})
	}

	// Somebody waits for the first: it is not asked for what it will not be.
	if c := ec.Status.GetCondition(v1.ConditionClusterReady); ec.Status.SecretRef == "" && (c == nil || !strings.HasPrefix(c.Message, messageNotPublished)) {
		if err := create(); !kerrors.IsAlreadyExists(err) {
			return false, err
		}
	}

	have := &corev1.Secret{}
	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: ec.GetNamespace(), Name: name}, have)

	if kerrors.IsNotFound(err) {
		return false, create()
	}

	if err != nil {
		return false, err
	}

	if !owned(have, ec) {
		return false, errors.Wrapf(errNotOwned, "Secret %q", name)
	}

	if equality.Semantic.DeepEqual(have.Data, want) {
		return false, nil
	}

	have.Data = want
	err = r.Client.Update(ctx, have)

	return err == nil, err
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
