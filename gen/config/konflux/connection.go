package konflux

import (
	"strconv"

	pkcv1alpha1 "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/v1alpha1"
	pkmv1alpha1 "github.com/crossplane-contrib/provider-kubernetes/apis/namespaced/v1alpha1"
	kconfig "github.com/crossplane-contrib/provider-kubernetes/pkg/kube/config"
	xv1beta1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1beta1"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

const (
	// crossplaneNamespace is where Crossplane and its packages run.
	crossplaneNamespace = v1alpha1.ProviderSecretNamespace

	// ExternalSecretName is the ExternalSecret of the credential of app.ci.
	ExternalSecretName = "testplatform-cluster"

	// ExternalSecretFile is the file that it is in.
	ExternalSecretFile = "external-secret.yaml"

	// StoreName is the store that it is taken from.
	StoreName = "appsre-stonesoup-vault"

	// StoreKind is that store's kind.
	StoreKind = "ClusterSecretStore"
)

// namespaces come before the ExternalSecret, which is in one of them.
func namespaces() []any {
	return []any{
		manifest.Namespace(crossplaneNamespace, manifest.AnnotationSyncWave, "-2"),
		manifest.Namespace(v1alpha1.ConnectionSecretNamespace, manifest.AnnotationSyncWave, "-2"),
	}
}

// meta is the metadata of an object whose CRD a package brings, or an operator.
func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Annotations: map[string]string{manifest.AnnotationSyncOptions: manifest.SkipDryRun}}
}

// keptMeta is that of an object that clusters live by.
func keptMeta(name string) metav1.ObjectMeta {
	m := meta(name)
	m.Annotations[manifest.AnnotationSyncOptions] += "," + manifest.Keep

	return m
}

// providerConfigs reach app.ci from Objects of both scopes. Each cluster has both,
// because while its API mode is switched it has Objects of both.
func providerConfigs() []any {
	spec := kconfig.ProviderConfigSpec{Credentials: kconfig.ProviderCredentials{
		Source: xpv2.CredentialsSourceSecret,
		CommonCredentialSelectors: xpv2.CommonCredentialSelectors{SecretRef: &xpv2.SecretKeySelector{
			SecretReference: xpv2.SecretReference{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName},
			Key:             v1alpha1.ProviderSecretKey,
		}},
	}}

	return []any{
		&pkcv1alpha1.ProviderConfig{
			TypeMeta:   metav1.TypeMeta{APIVersion: pkcv1alpha1.SchemeGroupVersion.String(), Kind: pkcv1alpha1.ProviderConfigKind},
			ObjectMeta: meta(v1alpha1.ProviderConfigName),
			Spec:       spec,
		},
		&pkmv1alpha1.ClusterProviderConfig{
			TypeMeta:   metav1.TypeMeta{APIVersion: pkmv1alpha1.SchemeGroupVersion.String(), Kind: "ClusterProviderConfig"},
			ObjectMeta: meta(v1alpha1.ProviderConfigName),
			Spec:       spec,
		},
	}
}

func environmentConfig(cluster string) *xv1beta1.EnvironmentConfig {
	return &xv1beta1.EnvironmentConfig{
		TypeMeta:   metav1.TypeMeta{APIVersion: xv1beta1.SchemeGroupVersion.String(), Kind: xv1beta1.EnvironmentConfigKind},
		ObjectMeta: meta(v1alpha1.EnvironmentConfigName),
		Data:       map[string]extv1.JSON{v1alpha1.EnvironmentConfigKey: {Raw: []byte(strconv.Quote(cluster))}},
	}
}

// A secret is an ExternalSecret of the External Secrets operator, with the fields that
// are used here.
type secret struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec secretSpec `json:"spec"`
}

type secretSpec struct {
	RefreshInterval string     `json:"refreshInterval"`
	SecretStoreRef  storeRef   `json:"secretStoreRef"`
	DataFrom        []dataFrom `json:"dataFrom"`
	Target          target     `json:"target"`
}

type storeRef struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

type dataFrom struct {
	Extract extract `json:"extract"`
}

type extract struct {
	Key string `json:"key"`
}

type target struct {
	CreationPolicy string `json:"creationPolicy"`
	DeletionPolicy string `json:"deletionPolicy"`
	Name           string `json:"name"`
}

// externalSecret fetches the kubeconfig of app.ci before anything needs it.
func externalSecret(vaultPath string) *secret {
	s := &secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "external-secrets.io/v1", Kind: "ExternalSecret"},
		ObjectMeta: meta(ExternalSecretName),
		Spec: secretSpec{
			RefreshInterval: "1h",
			SecretStoreRef:  storeRef{Kind: StoreKind, Name: StoreName},
			DataFrom:        []dataFrom{{Extract: extract{Key: vaultPath}}},
			Target:          target{CreationPolicy: "Owner", DeletionPolicy: "Delete", Name: v1alpha1.ProviderSecretName},
		},
	}

	s.Namespace = crossplaneNamespace
	s.Annotations[manifest.AnnotationSyncWave] = "-1"

	return s
}

// VaultPathOf returns where the kubeconfig is that a file with the ExternalSecret has fetched.
func VaultPathOf(file []byte) (string, bool) {
	s := &secret{}
	if err := yaml.Unmarshal(file, s); err != nil || len(s.Spec.DataFrom) != 1 {
		return "", false
	}

	return s.Spec.DataFrom[0].Extract.Key, true
}
