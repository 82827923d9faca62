package schema

import (
	"encoding/json"
	"slices"

	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/crdify/pkg/config"
	"sigs.k8s.io/crdify/pkg/validations"
	"sigs.k8s.io/crdify/pkg/validations/property"
)

const (
	keyType        = "type"
	keyRequired    = "required"
	keyDefault     = "default"
	keyAdditional  = "additionalProperties"
	keyPreserve    = "x-kubernetes-preserve-unknown-fields"
	keyIntOrString = "x-kubernetes-int-or-string"

	yes = "true"
	no  = "false"

	typeAny         = `"any"`
	typeInteger     = `"integer"`
	typeNumber      = `"number"`
	typeString      = `"string"`
	typeIntOrString = `"int-or-string"`
)

// kind is never empty, because an empty value means that there is no node.
func (k Keywords) kind() string {
	switch {
	case k[keyIntOrString] == yes:
		return typeIntOrString
	case k[keyType] == "":
		return typeAny
	}

	return k[keyType]
}

func takesType(from, to Keywords) bool {
	was, is := from.kind(), to.kind()

	switch is {
	case was, typeAny:
		return true
	case typeNumber:
		return was == typeInteger
	case typeIntOrString:
		return was == typeInteger || was == typeString
	}

	return false
}

// narrows returns what a keyword does to a value that a node took when it had other
// keywords, or nothing.
func narrows(keyword string, from, to Keywords) Kind {
	is := to[keyword]

	switch keyword {
	// They are for people, or for merging.
	case "description", "title", "example", "externalDocs", "id", "$schema", "x-kubernetes-map-type":
		return ""

	// The types tell.
	case keyType, keyIntOrString:
		return ""

	case keyDefault:
		return Defaulted

	// What they let in is otherwise pruned, null as well.
	case keyPreserve, keyAdditional, "nullable":
		return when(from[keyword] == yes && is != yes, Pruned)

	// It requires a kind and a valid name, and keeps metadata.
	case "x-kubernetes-embedded-resource":
		return when(is == yes, Refused) + when(from[keyword] == yes, Pruned)

	case "x-kubernetes-list-type":
		return when(is != "" && is != `"atomic"`, Refused)

	case "anyOf":
		return when(narrowsAnyOf(from[keyword], to), Refused)

	case "allOf", "x-kubernetes-validations":
		return when(hasMore(from[keyword], is), Refused)
	}

	if is == "" || is == no {
		return ""
	}

	// What cannot be ranked counts as narrower.
	return when(!isWider(keyword, from, to), Refused)
}

func isWider(keyword string, from, to Keywords) bool {
	c, ok := comparators()[keyword]
	if !ok {
		return false
	}

	was, err := props(keyword, from)
	if err != nil {
		return false
	}

	now, err := props(keyword, to)

	return err == nil && len(c.Compare(was, now).Errors) == 0
}

func when(yes bool, k Kind) Kind {
	if yes {
		return k
	}

	return ""
}

// narrowsAnyOf reports whether a choice is new or has lost an alternative. That
// between an integer and a string is told by the types.
func narrowsAnyOf(from string, to Keywords) bool {
	is := to["anyOf"]
	if is == "" || to[keyIntOrString] == yes && is == `[{"type":"integer"},{"type":"string"}]` {
		return false
	}

	return from == "" || hasMore(is, from)
}

// hasMore reports whether a list has an element that another one lacks.
func hasMore(from, to string) bool {
	was := meanings(from)

	return slices.ContainsFunc(meanings(to), func(m string) bool { return !slices.Contains(was, m) })
}

// meanings are the elements of a list, as JSON. Of a rule only the expression counts,
// not what it says to people.
func meanings(list string) []string {
	all := elements[json.RawMessage](list)
	out := make([]string, 0, len(all))

	for _, e := range all {
		rule := extv1.ValidationRule{}

		if json.Unmarshal(e, &rule) != nil || rule.Rule == "" {
			rule.Rule = string(e)
		}

		out = append(out, rule.Rule)
	}

	return out
}

// comparators are crdify's, by the keyword that each is about. They say nothing of a
// keyword that is no longer set, except that enum's would.
func comparators() map[string]validations.Comparator[extv1.JSONSchemaProps] {
	type comparator interface {
		validations.Validation
		validations.Comparator[extv1.JSONSchemaProps]
	}

	out := map[string]validations.Comparator[extv1.JSONSchemaProps]{}

	for _, c := range []comparator{
		&property.Enum{EnumConfig: property.EnumConfig{AdditionPolicy: property.AdditionPolicyAllow}},
		&property.Maximum{},
		&property.MaxItems{},
		&property.MaxLength{},
		&property.MaxProperties{},
		&property.Minimum{},
		&property.MinItems{},
		&property.MinLength{},
		&property.MinProperties{},
	} {
		c.SetEnforcement(config.EnforcementPolicyError)
		out[c.Name()] = c
	}

	return out
}

// props is a schema of one keyword, if it is set.
func props(keyword string, k Keywords) (*extv1.JSONSchemaProps, error) {
	out := &extv1.JSONSchemaProps{}

	value, ok := k[keyword]
	if !ok {
		return out, nil
	}

	b, err := json.Marshal(map[string]json.RawMessage{keyword: json.RawMessage(value)})
	if err != nil {
		return nil, err
	}

	return out, json.Unmarshal(b, out)
}
