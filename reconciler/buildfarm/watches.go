package buildfarm

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// SecretProvisioning holds the kubeconfig of a provisioned cluster. It exists
	// before the kubeconfig does.
	SecretProvisioning = v1.TestName

	// SecretHiveKubeconfig holds the kubeconfig of a claimed cluster.
	SecretHiveKubeconfig = v1.TestName + "-hive-admin-kubeconfig"

	// SecretHivePassword holds the kubeadmin user's password of a claimed cluster.
	SecretHivePassword = v1.TestName + "-hive-admin-password"

	keyKubeconfig = "kubeconfig"
	keyPassword   = "password"

	indexJobID = "jobid"
)

// watchedSecrets are the Secrets watched in all namespaces, each by a watch of its
// own on its name, so that a role's resourceNames can limit it to them, with the
// one key of each that is kept in memory.
func watchedSecrets() map[string]string {
	return map[string]string{
		SecretProvisioning:   keyKubeconfig,
		SecretHiveKubeconfig: keyKubeconfig,
		SecretHivePassword:   keyPassword,
	}
}

func namespaceResource() schema.GroupVersionResource {
	return corev1.SchemeGroupVersion.WithResource("namespaces")
}

// newNamespaceInformer watches the metadata of ci-operator's namespaces.
func newNamespaceInformer(c metadata.Interface, h *health) (cache.SharedIndexInformer, error) {
	narrow := func(o *metav1.ListOptions) { o.LabelSelector = v1.LabelJobID }

	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			narrow(&o)

			l, err := c.Resource(namespaceResource()).List(ctx, o)
			h.observe("namespaces", err)

			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			narrow(&o)

			w, err := c.Resource(namespaceResource()).Watch(ctx, o)
			h.observe("namespaces", err)

			return w, err
		},
	}

	i := cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(lw, c), &metav1.PartialObjectMetadata{}, 0, cache.Indexers{
		indexJobID: func(obj any) ([]string, error) {
			if id := jobID(obj); id != "" {
				return []string{id}, nil
			}

			return nil, nil
		},
	})

	return i, errors.Wrap(i.SetTransform(trimNamespace), "cannot set up watch of namespaces")
}

// newSecretInformer watches the Secrets of one name, in all namespaces.
func newSecretInformer(c kubernetes.Interface, name string, trim cache.TransformFunc, h *health) (cache.SharedIndexInformer, error) {
	narrow := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}

	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			narrow(&o)

			l, err := c.CoreV1().Secrets(metav1.NamespaceAll).List(ctx, o)
			h.observe(name, err)

			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			narrow(&o)

			w, err := c.CoreV1().Secrets(metav1.NamespaceAll).Watch(ctx, o)
			h.observe(name, err)

			return w, err
		},
	}

	i := cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(lw, c), &corev1.Secret{}, 0, cache.Indexers{})

	return i, errors.Wrapf(i.SetTransform(trim), "cannot set up watch of Secrets %q", name)
}

// trimNamespace keeps what is used of a namespace: a build farm has thousands.
func trimNamespace(obj any) (any, error) {
	m, ok := obj.(*metav1.PartialObjectMetadata)
	if !ok {
		return obj, nil
	}

	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name:              m.GetName(),
		ResourceVersion:   m.GetResourceVersion(),
		DeletionTimestamp: m.GetDeletionTimestamp(),
		Labels:            map[string]string{v1.LabelJobID: m.GetLabels()[v1.LabelJobID]},
	}}, nil
}

// trimSecret keeps one key of a Secret: ci-operator stores a whole directory of
// installation files in the same one.
func trimSecret(key string, c clock.PassiveClock) cache.TransformFunc {
	return func(obj any) (any, error) {
		s, ok := obj.(*corev1.Secret)
		if !ok {
			return obj, nil
		}

		return &watchedSecret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace:       s.GetNamespace(),
				Name:            s.GetName(),
				ResourceVersion: s.GetResourceVersion(),
			},
			credential: NewCredential(s.Data[key], c.Now()),
		}, nil
	}
}

func jobID(obj any) string {
	if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = d.Obj
	}

	if m, ok := obj.(metav1.Object); ok {
		return m.GetLabels()[v1.LabelJobID]
	}

	return ""
}
