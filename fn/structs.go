package main

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"
)

// Resources are read and built as protobuf structs, the form they arrive and leave
// in: turning an 8 kB spec into Go maps and back would cost more than all the rest
// of a call. Reading never fails, a field that is missing or of another type is the
// zero value.

// at returns the value at a path, or nil.
func at(s *structpb.Struct, path ...string) *structpb.Value {
	for _, name := range path[:len(path)-1] {
		s = s.GetFields()[name].GetStructValue()
	}

	return s.GetFields()[path[len(path)-1]]
}

// structAt returns the object at a path, or nil.
func structAt(s *structpb.Struct, path ...string) *structpb.Struct {
	return at(s, path...).GetStructValue()
}

// stringAt returns the string at a path, or the empty string.
func stringAt(s *structpb.Struct, path ...string) string {
	return at(s, path...).GetStringValue()
}

// listAt returns the list at a path, or nil.
func listAt(s *structpb.Struct, path ...string) []*structpb.Value {
	return at(s, path...).GetListValue().GetValues()
}

// boolAt returns the boolean at a path, and whether there is one.
func boolAt(s *structpb.Struct, path ...string) (value, ok bool) {
	b, ok := at(s, path...).GetKind().(*structpb.Value_BoolValue)
	if !ok {
		return false, false
	}

	return b.BoolValue, true
}

// fields are the fields of an object that is being built.
type fields map[string]*structpb.Value

func (f fields) value() *structpb.Value {
	return structpb.NewStructValue(&structpb.Struct{Fields: f})
}

// setString sets a field unless it would be empty.
func (f fields) setString(name, value string) {
	if value != "" {
		f[name] = structpb.NewStringValue(value)
	}
}

func listValue(values ...*structpb.Value) *structpb.Value {
	return structpb.NewListValue(&structpb.ListValue{Values: values})
}

func stringMapValue(m map[string]string) *structpb.Value {
	f := make(fields, len(m))
	for k, v := range m {
		f[k] = structpb.NewStringValue(v)
	}

	return f.value()
}

// equal reports whether two values are the same. It does what proto.Equal does,
// without reflection.
func equal(a, b *structpb.Value) bool {
	switch a := a.GetKind().(type) {
	case *structpb.Value_StructValue:
		b, ok := b.GetKind().(*structpb.Value_StructValue)

		return ok && maps.EqualFunc(a.StructValue.GetFields(), b.StructValue.GetFields(), equal)
	case *structpb.Value_ListValue:
		b, ok := b.GetKind().(*structpb.Value_ListValue)

		return ok && slices.EqualFunc(a.ListValue.GetValues(), b.ListValue.GetValues(), equal)
	case *structpb.Value_StringValue:
		b, ok := b.GetKind().(*structpb.Value_StringValue)

		return ok && a.StringValue == b.StringValue
	case *structpb.Value_NumberValue:
		b, ok := b.GetKind().(*structpb.Value_NumberValue)

		return ok && a.NumberValue == b.NumberValue
	case *structpb.Value_BoolValue:
		b, ok := b.GetKind().(*structpb.Value_BoolValue)

		return ok && a.BoolValue == b.BoolValue
	default:
		return isNull(b)
	}
}

func isNull(v *structpb.Value) bool {
	switch v.GetKind().(type) {
	case nil, *structpb.Value_NullValue:
		return true
	default:
		return false
	}
}
