package main

import (
	"github.com/crossplane/function-sdk-go/errors"
	"google.golang.org/protobuf/types/known/structpb"
)

// ciOperatorFor returns the spec.ciOperator to ask app.ci for. It travels as the
// tenant wrote it, without what pipelines write to say that they want nothing, so
// that a field which is new in the API needs no code here.
//
// The error says why the request is not a possible one. For a cluster that was
// asked for already there is a value beside it: what was asked for before.
func ciOperatorFor(c composite, ec observedEC, app *schema) (*structpb.Value, error) {
	written, asked := at(c.spec, "ciOperator"), at(ec.asked, "spec", "ciOperator")
	live := asked.GetStructValue() != nil

	if live && equal(written, asked) {
		return asked, nil
	}

	wanted := prune(written, "")

	// An earlier Composition passed empty values on: taking them away now would
	// change a live cluster's object for nothing.
	if live && equal(wanted, prune(asked, "")) {
		return asked, nil
	}

	err := validate(wanted)
	if err == nil {
		err = app.validate(written, wanted)
	}

	switch {
	case err == nil:
		return wanted, nil
	case live:
		return asked, err
	default:
		return nil, err
	}
}

// verbatim are the objects below ciOperator whose empty strings are values.
var verbatim = map[string]bool{ //nolint:gochecknoglobals // A constant, were maps ever that.
	".test.env":                 true,
	".test.clusterClaim.labels": true,
}

// prune returns a value without empty objects, lists and strings, or nil when it is
// one of these itself.
func prune(v *structpb.Value, path string) *structpb.Value {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		if k.StringValue == "" {
			return nil
		}
	case *structpb.Value_ListValue:
		return pruneList(k.ListValue, path)
	case *structpb.Value_StructValue:
		if verbatim[path] && len(k.StructValue.GetFields()) > 0 {
			return v
		}

		return pruneStruct(k.StructValue, path)
	case nil, *structpb.Value_NullValue:
		return nil
	}

	return v
}

func pruneStruct(s *structpb.Struct, path string) *structpb.Value {
	out := make(fields, len(s.GetFields()))

	for name, field := range s.GetFields() {
		if p := prune(field, path+"."+name); p != nil {
			out[name] = p
		}
	}

	if len(out) == 0 {
		return nil
	}

	return out.value()
}

// pruneList prunes within the elements of a list, but keeps each of them: their
// number and order may mean something.
func pruneList(l *structpb.ListValue, path string) *structpb.Value {
	if len(l.GetValues()) == 0 {
		return nil
	}

	out := make([]*structpb.Value, 0, len(l.GetValues()))

	for _, element := range l.GetValues() {
		p := prune(element, path+"[]")
		if p == nil {
			p = element
		}

		out = append(out, p)
	}

	return listValue(out...)
}

// validate holds what no schema says: where the cluster is to come from.
func validate(ciOperator *structpb.Value) error {
	s := ciOperator.GetStructValue()

	if ciOperator != nil && s == nil {
		return errors.New("spec.ciOperator must be an object")
	}

	profile, claim := at(s, "test", "clusterProfile"), at(s, "test", "clusterClaim")

	switch {
	case profile == nil && claim == nil:
		return errors.New("spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has neither")
	case profile != nil && claim != nil:
		return errors.New("spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has both")
	}

	return nil
}
