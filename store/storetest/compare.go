package storetest

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/roster-sd/roster/store"
)

// differ tells the fields in which two records differ. An absent slice and an empty one
// are the same, as clients see them.
func differ(want, got *store.Record) string {
	if want == nil || got == nil {
		if want == got {
			return ""
		}
		if got == nil {
			return fmt.Sprintf("there is no record, want that of %v", want.Revision)
		}
		return fmt.Sprintf("there is a record of %v, want none", got.Revision)
	}
	var b strings.Builder
	compare(&b, "", reflect.ValueOf(*want), reflect.ValueOf(*got))
	return b.String()
}

// differGiven is differ for the fields that a caller of Register sets.
func differGiven(want, got *store.Record) string {
	w := *want
	if got != nil {
		w.Lease, w.Generation, w.Revision = got.Lease, got.Generation, got.Revision
		w.Changed, w.TTL, w.RegisteredAt = got.Changed, got.TTL, got.RegisteredAt
	}
	return differ(&w, got)
}

// differRemembered is differ for the record of a tombstone, which is without most of what
// clients see.
func differRemembered(want, got *store.Record) string { return differ(remembered(want), got) }

// remembered gives what the tombstone of a record says of it.
func remembered(rec *store.Record) *store.Record {
	short := *rec
	short.Changed, short.Process = 0, ""
	short.Instance = store.Instance{Address: rec.Instance.Address, Port: rec.Instance.Port, Status: rec.Instance.Status}
	return &short
}

func compare(b *strings.Builder, path string, want, got reflect.Value) {
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			if !want.Type().Field(i).IsExported() {
				continue
			}
			compare(b, path+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i))
		}
		return
	case reflect.Slice:
		if want.Len() == 0 && got.Len() == 0 {
			return
		}
	}
	if !reflect.DeepEqual(want.Interface(), got.Interface()) {
		fmt.Fprintf(b, "%s is %.200q, want %.200q; ", strings.TrimPrefix(path, "."),
			fmt.Sprint(got.Interface()), fmt.Sprint(want.Interface()))
	}
}
