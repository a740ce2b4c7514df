package view

import (
	"reflect"
	"time"
)

// longestString bounds what a terminal is asked to lay out; nothing in a cluster that is worth
// reading in one line is longer.
const longestString = 4096

// Cleaned returns a deep copy in which every string went through [Clean] and is of bounded length.
// Outputs that draw many fields clean once, where the view arrives, and so cannot forget one.
func (c Canary) Cleaned() Canary {
	out, _ := reflect.TypeAssert[Canary](cleaned(reflect.ValueOf(c))) // the same type comes out as went in
	return out
}

func cleaned(v reflect.Value) reflect.Value {
	if _, ok := reflect.TypeAssert[time.Time](v); ok {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		if len(s) > longestString {
			s = s[:longestString] // Clean mends a rune cut in half
		}
		out.SetString(Clean(s))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(cleaned(v.Field(i)))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(cleaned(v.Index(i)))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(cleaned(v.Elem()))
	default:
		return v
	}
	return out
}
