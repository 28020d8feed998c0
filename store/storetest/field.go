package storetest

import (
	"reflect"

	"github.com/roster-sd/roster/store"
)

// callersFields gives the indices of the fields of [store.Record] that callers set: all
// but the key and those that Register sets, and so those added later as well.
func callersFields() []int {
	typ := reflect.TypeFor[store.Record]()
	var fields []int
	for i := range typ.NumField() {
		switch typ.Field(i).Name {
		case "Key", "Lease", "Generation", "Revision", "Changed", "TTL", "RegisteredAt":
		default:
			if typ.Field(i).IsExported() {
				fields = append(fields, i)
			}
		}
	}
	return fields
}

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
