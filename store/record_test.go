package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// filled gives an instance in which every field, whichever there are, is set.
func filled(t *testing.T) store.Instance {
	t.Helper()
	var in store.Instance
	v := reflect.ValueOf(&in).Elem()
	for i := range v.NumField() {
		bump(t, v.Field(i), v.Type().Field(i).Name)
		if v.Field(i).IsZero() {
			t.Fatalf("field %s is not set", v.Type().Field(i).Name)
		}
	}
	return in
}

// bump changes a field to something that clients can tell from what it was.
func bump(t *testing.T, f reflect.Value, name string) {
	t.Helper()
	switch f.Kind() {
	case reflect.String:
		f.SetString(f.String() + "x")
	case reflect.Int, reflect.Int64, reflect.Int32:
		f.SetInt(f.Int() + 1)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f.SetUint(f.Uint() + 1)
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Pointer:
		next := reflect.New(f.Type().Elem())
		if !f.IsNil() {
			next.Elem().Set(f.Elem())
		}
		bump(t, next.Elem().Field(0), name)
		f.Set(next)
	case reflect.Slice:
		next := reflect.MakeSlice(f.Type(), f.Len()+1, f.Len()+1)
		reflect.Copy(next, f)
		f.Set(next)
	default:
		t.Fatalf("field %s is a %s, which this test does not know: teach it", name, f.Type())
	}
}

// Equal sees every field of an instance, those added after it was written included.
func TestInstanceEqualSeesEveryField(t *testing.T) {
	a, b := filled(t), filled(t)
	b.Tags, b.Metadata = slices.Clone(b.Tags), slices.Clone(b.Metadata)
	if !a.Equal(&b) || !b.Equal(&a) {
		t.Fatal("equal instances are not Equal")
	}
	typ := reflect.TypeFor[store.Instance]()
	for i := range typ.NumField() {
		c := b
		bump(t, reflect.ValueOf(&c).Elem().Field(i), typ.Field(i).Name)
		if a.Equal(&c) || c.Equal(&a) {
			t.Errorf("Equal does not see %s", typ.Field(i).Name)
		}
	}
}

func TestInstanceEqualSeesElements(t *testing.T) {
	base := store.Instance{Tags: []string{"a", "b"}, Metadata: []store.Pair{{Key: "k", Value: "v"}}}
	for name, other := range map[string]store.Instance{
		"order of tags":    {Tags: []string{"b", "a"}, Metadata: base.Metadata},
		"another tag":      {Tags: []string{"a", "c"}, Metadata: base.Metadata},
		"a metadata value": {Tags: base.Tags, Metadata: []store.Pair{{Key: "k", Value: "w"}}},
		"a metadata key":   {Tags: base.Tags, Metadata: []store.Pair{{Key: "l", Value: "v"}}},
	} {
		if base.Equal(&other) {
			t.Errorf("Equal does not see %s", name)
		}
	}
	absent, empty := store.Instance{}, store.Instance{Tags: []string{}, Metadata: []store.Pair{}}
	if !absent.Equal(&empty) {
		t.Error("no tags and no metadata are not Equal to empty ones")
	}
}

func TestInstanceValue(t *testing.T) {
	var in store.Instance
	if v, ok := in.Value(""); ok || v != "" {
		t.Errorf("without metadata: %q, %v", v, ok)
	}
	for i := range 100 {
		in.Metadata = append(in.Metadata, store.Pair{Key: fmt.Sprintf("k%03d", i*2), Value: fmt.Sprint(i)})
	}
	for i := range 100 {
		if v, ok := in.Value(fmt.Sprintf("k%03d", i*2)); !ok || v != fmt.Sprint(i) {
			t.Errorf("key %d: %q, %v", i, v, ok)
		}
		if v, ok := in.Value(fmt.Sprintf("k%03d", i*2+1)); ok || v != "" {
			t.Errorf("a key that is not there: %q, %v", v, ok)
		}
	}
	for _, key := range []string{"", "a", "k", "k0", "zzz"} {
		if v, ok := in.Value(key); ok {
			t.Errorf("key %q: %q", key, v)
		}
	}
	in.Metadata = []store.Pair{{Key: "", Value: "empty key"}, {Key: "present", Value: ""}}
	if v, ok := in.Value(""); !ok || v != "empty key" {
		t.Errorf("the empty key: %q, %v", v, ok)
	}
	if v, ok := in.Value("present"); !ok || v != "" {
		t.Errorf("an empty value: %q, %v", v, ok)
	}
}

func TestRecordRef(t *testing.T) {
	rec := store.Record{Key: store.InstanceKey("user", "1"), Lease: 7, Generation: 3}
	if want := (store.Ref{Key: rec.Key, Lease: 7}); rec.Ref() != want {
		t.Errorf("Ref gave %+v", rec.Ref())
	}
}

func TestMillis(t *testing.T) {
	at := time.Date(2024, 2, 29, 12, 30, 15, 123_999_999, time.FixedZone("", 7200))
	m := store.At(at)
	if m != 1709202615123 {
		t.Errorf("At gave %d", m)
	}
	if got := m.Time(); got.Location() != time.UTC || !got.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("Time gave %v", got)
	}
	if got := store.Millis(-1).Time(); got.UnixMilli() != -1 {
		t.Errorf("a moment before 1970 gave %v", got)
	}
}
