package storetest

import (
	"reflect"

	"github.com/roster-sd/roster/store"
)

// field is one field of an instance.
type field struct {
	name string
	set  func(dst, src *store.Instance)
}

// visibleFields gives every field of [store.Instance], those added later included.
func visibleFields() []field {
	typ := reflect.TypeFor[store.Instance]()
	fields := make([]field, typ.NumField())
	for i := range fields {
		fields[i] = field{name: typ.Field(i).Name, set: func(dst, src *store.Instance) {
			reflect.ValueOf(dst).Elem().Field(i).Set(reflect.ValueOf(src).Elem().Field(i))
		}}
	}
	return fields
}
