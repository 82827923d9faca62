package main

import (
	"encoding/base64"
	"fmt"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// An appCI plays app.ci, which several worlds may share.
type appCI struct {
	clusters map[string]*structpb.Struct
	secrets  map[string]map[string][]byte

	// down is why app.ci cannot be asked, and refuses what it says to whoever writes.
	down, refuses string
}

// keepsCluster is how app.ci's policy says that a name is for life.
const keepsCluster = `is forbidden: ValidatingAdmissionPolicy 'ephemeral-cluster-origin' denied request: the Konflux cluster cannot be changed`

func newAppCI() *appCI {
	return &appCI{clusters: map[string]*structpb.Struct{}, secrets: map[string]map[string][]byte{}}
}

// report sets the status of an EphemeralCluster.
func (a *appCI) report(name, status string) {
	a.clusters[name] = set(a.clusters[name], fromYAML(status), "status")
}

// uidOf is the UID of an Object here.
func uidOf(o *structpb.Struct) string { return "uid-of-" + stringAt(o, "metadata", "name") }

func controlledBy(o *structpb.Struct, uid string) *structpb.Struct {
	return set(o, []any{map[string]any{"controller": true, "uid": uid}}, "metadata", "ownerReferences")
}

// provide does what provider-kubernetes does with an Object.
func (w *world) provide(o *structpb.Struct, r *fnv1.Resource) *structpb.Struct {
	manifest := structAt(o, "spec", "forProvider", "manifest")
	name := stringAt(manifest, "metadata", "name")

	if w.appCI.down != "" {
		return refused(o, w.appCI.down)
	}

	if stringAt(manifest, "kind") == "Secret" {
		data, ok := w.appCI.secrets[name]
		if !ok {
			return notOnAppCI(o)
		}

		if stringAt(o, "metadata", "namespace") != "" {
			return w.write(o, data)
		}

		r.ConnectionDetails = data

		return wrote(o)
	}

	mayWrite := listAt(o, "spec", "managementPolicies")[0].GetStringValue() == "*"
	actual, ok := w.appCI.clusters[name]

	if !ok && !mayWrite {
		return notOnAppCI(o)
	}

	if mayWrite {
		const cluster = "ephemeralcluster.ci.openshift.io/konflux-cluster"

		refuses := w.appCI.refuses
		if ok && stringAt(actual, "metadata", "annotations", cluster) != stringAt(manifest, "metadata", "annotations", cluster) {
			refuses = keepsCluster
		}

		switch unchanged := ok && proto.Equal(set(actual, nil, "status"), manifest); {
		case refuses != "" && !ok:
			return refused(o, "create failed: cannot create object: cannot create object: "+refuses)
		case refuses != "" && !unchanged:
			return refused(set(o, actual, "status", "atProvider", "manifest"), "observe failed: cannot get desired state: cannot dry run SSA: "+refuses)
		}

		// As server-side apply with force: what is asked for replaces what is there.
		applied := proto.CloneOf(manifest)
		if status := structAt(actual, "status"); status != nil {
			applied = set(applied, status, "status")
		}

		w.appCI.clusters[name] = applied
		actual = applied
	}

	return wrote(set(o, actual, "status", "atProvider", "manifest"))
}

// write writes an Object's connection Secret, unless that is another's.
func (w *world) write(o *structpb.Struct, data map[string][]byte) *structpb.Struct {
	name := stringAt(o, "spec", "writeConnectionSecretToRef", "name")

	if found, ok := w.secrets[name]; ok && !controllable(found, uidOf(o)) {
		return refused(o, fmt.Sprintf("cannot create or update connection secret: existing secret is not controlled by UID %q", uidOf(o)))
	}

	secret := controlledBy(fromYAML("{apiVersion: v1, kind: Secret, type: connection.crossplane.io/v1alpha1, metadata: {name: "+name+"}, data: {}}"), uidOf(o))
	for key, value := range data {
		secret = set(secret, base64.StdEncoding.EncodeToString(value), "data", key)
	}

	w.secrets[name] = secret

	return wrote(o)
}
