package storetest

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/roster-sd/roster/store"
)

// sample gives an ordinary record for a key.
func sample(key store.Key) store.Record {
	rec := store.Record{
		Key:   key,
		Owner: "spiffe://example.org/" + key.Service,
		Instance: store.Instance{
			Address: "10.1.2.3", Port: 8080, Weight: 100, Protocol: "http", Version: "1.4.2",
			Env: "prod", Zone: "eu-1a", Status: store.StatusUp, Health: store.HealthPassing,
			Tags:     []string{"blue", "canary"},
			Metadata: []store.Pair{{Key: "commit", Value: "0a1b2c"}, {Key: "shard", Value: "7"}},
		},
	}
	rec.Tokens.Used[0], rec.Tokens.Used[31] = 0xfe, 0x01
	return rec
}

// full gives a record in which every field that a caller may set is set, fields added
// to the types later included. The seed makes two of them differ.
func full(key store.Key, seed int) store.Record {
	rec := store.Record{Key: key}
	n := seed
	v := reflect.ValueOf(&rec).Elem()
	for _, i := range callersFields() {
		fill(v.Field(i), &n)
	}
	slices.SortFunc(rec.Instance.Metadata, func(a, b store.Pair) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return rec
}

// fill sets every part of v to something that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n%100 + 1))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n%100 + 1))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.String:
		v.SetString(fmt.Sprintf("value-%05d", *n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	default:
		panic(fmt.Sprintf("storetest cannot fill a %s: teach it", v.Type()))
	}
}

// copyOf gives a record that shares nothing with rec.
func copyOf(rec *store.Record) store.Record {
	c := *rec
	c.Instance.Tags = slices.Clone(rec.Instance.Tags)
	c.Instance.Metadata = slices.Clone(rec.Instance.Metadata)
	return c
}
