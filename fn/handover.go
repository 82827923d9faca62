package main

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/crossplane/function-sdk-go/errors"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// A namespaced composite's Object writes the tenant's Secret itself, and takes it along
// when it goes: the Secret is the Object's. So each name of the Secret has an Object of
// its own. After a rename there are two, until the second has written its Secret.

// cannotPublish begins what the provider says when a Secret of that name is another's.
const cannotPublish = "cannot create or update connection secret"

// credentialsKey is the name of the composed resource that writes to a Secret of the
// tenant's: the names of composed resources never change, and the names of Secrets do.
func credentialsKey(writesTo string) string {
	sum := sha256.Sum256([]byte(writesTo))

	return resourceCredentials + "-" + hex.EncodeToString(sum[:])[:8]
}

// written reports whether a namespaced composite's Object has written its Secret.
// Crossplane reads a Secret of that name whosever it is: it is the Object's once the
// Object says that all is well, or was known to be before.
func (c composite) written(cred observedCredentials) bool {
	if len(cred.details[v1.KeyKubeconfig]) == 0 || cred.writesTo == "" {
		return false
	}

	s := syncedOf(cred.object)

	return s.status == "True" ||
		stringAt(c.status, statusSecretRef) == cred.writesTo && !strings.Contains(s.message, cannotPublish)
}

// handover is how the credentials of a namespaced composite reach its tenant.
type handover struct {
	// wanted is the Object that writes to the Secret that the composite names, which
	// may not exist yet; former are those that write to what it named before.
	wanted observedCredentials
	former []observedCredentials

	// composed is the Secret that an earlier function composed.
	composed *structpb.Struct

	// written is true once the wanted Object has written its Secret.
	written bool

	// in is the tenant's Secret that has the credentials, or empty.
	in string

	// moving is true while they are in the Secret named before.
	moving bool
}

func handoverFrom(req *fnv1.RunFunctionRequest, c composite) handover {
	if !c.namespaced() {
		return handover{}
	}

	h := handover{composed: req.GetObserved().GetResources()[resourceSecret].GetResource()}

	for _, cred := range allCredentialsFrom(req) {
		if cred.key == credentialsKey(secretNameOf(c)) {
			h.wanted = cred
		} else {
			h.former = append(h.former, cred)
		}
	}

	// As long as there is a composed one, it is that.
	if h.written = h.composed == nil && c.written(h.wanted); h.written {
		h.in = h.wanted.writesTo

		return h
	}

	for _, f := range h.former {
		// That of an earlier function wrote to a Secret between Objects.
		if c.written(f) && stringAt(c.status, statusSecretRef) == f.writesTo {
			h.in, h.moving = f.writesTo, true
		}
	}

	if data := stringAt(h.composed, "data", v1.KeyKubeconfig); data != "" && h.keepsComposed() {
		h.in, h.moving = stringAt(h.composed, "metadata", "name"), true
	}

	return h
}

// refused reports whether the provider found the wanted Secret to be another's.
func (h handover) refused() bool {
	return strings.Contains(syncedOf(h.wanted.object).message, cannotPublish)
}

// compose adds what hands the credentials over to the desired resources.
func (h handover) compose(c call, resources map[string]*fnv1.Resource) error {
	if c.ownership == ownershipForeign {
		return nil
	}

	if h.keepsComposed() {
		resources[resourceSecret] = &fnv1.Resource{Resource: asComposed(h.composed), Ready: fnv1.Ready_READY_TRUE}
	}

	secretName := secretNameFor(c.ec, c.credentials, c.ownership)
	if secretName == "" {
		return nil
	}

	add := func(key, name, writesTo string, ready bool) error {
		o, err := objectForCredentials(c.composite, c.config, name, secretName, writesTo, c.ec).resource()
		if err != nil {
			return errors.Wrapf(err, "cannot compose %q", key)
		}

		resources[key] = &fnv1.Resource{Resource: o, Ready: readyIf(ready)}

		return nil
	}

	if writesTo := secretNameOf(c.composite); !c.secret.invalid() {
		key := credentialsKey(writesTo)
		name := "credentials-" + c.composite.externalName() + strings.TrimPrefix(key, resourceCredentials)

		if err := add(key, name, writesTo, h.written); err != nil {
			return err
		}
	}

	if h.written {
		return nil
	}

	for _, f := range h.former {
		if err := add(f.key, stringAt(f.object, "metadata", "name"), f.writesTo, true); err != nil {
			return err
		}
	}

	return nil
}

// keepsComposed reports whether there is a Secret that is the composite's, which no
// Object can write to, and none reads the credentials from app.ci now, to take its place.
func (h handover) keepsComposed() bool {
	if h.composed == nil {
		return false
	}

	for _, f := range append(slices.Clone(h.former), h.wanted) {
		if s := syncedOf(f.object); s.status == "True" || strings.Contains(s.message, cannotPublish) {
			return false
		}
	}

	return true
}

// asComposed returns an observed Secret as it was composed.
func asComposed(secret *structpb.Struct) *structpb.Struct {
	out := &structpb.Struct{Fields: fields{
		"apiVersion": structpb.NewStringValue("v1"),
		"kind":       structpb.NewStringValue("Secret"),
		"metadata": stringMapValue(map[string]string{
			"name": stringAt(secret, "metadata", "name"), "namespace": stringAt(secret, "metadata", "namespace"),
		}),
	}}

	for _, name := range []string{"type", "data"} {
		if v := at(secret, name); v != nil {
			out.Fields[name] = v
		}
	}

	return out
}
