package store

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// whole gives a record with something in every field, as far down as there are any.
func whole() *Record {
	r, n := new(Record), 0
	fill(reflect.ValueOf(r).Elem(), &n)
	return r
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		v.SetUint(uint64(*n % 200))
	case reflect.String:
		v.SetString(strings.Repeat("v", *n*5) + fmt.Sprint(*n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Array, reflect.Slice:
		if v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		}
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	default:
		panic(fmt.Sprintf("cannot fill a %s: teach this test", v.Type()))
	}
}

// plain gives a copy without what it was made of.
func plain(r *Record) Record {
	c := *r
	c.packed = nil
	return c
}

func TestPackKeepsEveryField(t *testing.T) {
	for name, r := range map[string]*Record{"whole": whole(), "empty": new(Record),
		"without metadata":     {Key: InstanceKey("a", "b"), Instance: Instance{Tags: []string{"", "x"}}},
		"with empty texts":     {Instance: Instance{Metadata: []Pair{{"a", ""}, {"b", "c"}}}},
		"with large texts":     {Key: Key{ID: strings.Repeat("i", 200)}, Instance: Instance{Address: strings.Repeat("a", 20_000), Metadata: []Pair{{"k", strings.Repeat("v", 300)}}}},
		"with a PID like none": {Instance: Instance{PID: -1}},
		"with a large PID":     {Instance: Instance{PID: 1 << 40}},
	} {
		got := plain(Pack(r).Record())
		if !reflect.DeepEqual(&got, r) {
			t.Errorf("%s: %+v\nwant %+v", name, got, r)
		}
		back := Pack(r).Record()
		if again := Pack(back); again != back.packed {
			t.Errorf("%s: what was not changed is packed again", name)
		}
	}
}

// TestPackNoticesEveryChange: a record that was changed after it was made is not taken for what
// it was made of, whichever field it was.
func TestPackNoticesEveryChange(t *testing.T) {
	var walk func(path string, at func(*Record) reflect.Value)
	walk = func(path string, at func(*Record) reflect.Value) {
		r := Pack(whole()).Record()
		v := at(r)
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(path+"."+f.Name, func(r *Record) reflect.Value { return at(r).Field(i) })
				}
			}
			return
		case reflect.Array, reflect.Slice:
			walk(path+"[1]", func(r *Record) reflect.Value { return at(r).Index(1) })
			if v.Kind() == reflect.Array {
				return
			}
			v.Set(v.Slice(0, v.Len()-1))
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Uint8, reflect.Uint16, reflect.Uint64:
			v.SetUint(v.Uint() + 1)
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Pointer:
			v.SetZero()
		}
		want := plain(r)
		if got := plain(Pack(r).Record()); !reflect.DeepEqual(got, want) {
			t.Errorf("a change of %s is lost", path)
		}
	}
	walk("Record", func(r *Record) reflect.Value { return reflect.ValueOf(r).Elem() })
}

func TestPartsOfAPackedRecord(t *testing.T) {
	r := whole()
	p := Pack(r)
	in := &r.Instance
	got := []any{p.Key(), p.ID(), p.Service(), p.Kind(), p.Ref(), p.Lease(), p.Generation(), p.Revision(), p.Changed(), p.TTL(), p.RegisteredAt(),
		p.Owner(), p.Tokens(), p.Address(), p.Weight(), p.Health(), p.Version(), p.Env(), p.Zone(), p.Role(), p.State(), p.Hash()}
	want := []any{r.Key, r.Key.ID, r.Key.Service, r.Key.Kind, r.Ref(), r.Lease, r.Generation, r.Revision, r.Changed, r.TTL, r.RegisteredAt,
		r.Owner, r.Tokens, in.Address, in.Weight, in.Health, in.Version, in.Env, in.Zone, in.Role, in.State(), HashID(r.Key.ID)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if in.Override = nil; Pack(r).State() != in.Status {
		t.Errorf("the state is %q", Pack(r).State())
	}
	for _, pair := range in.Metadata {
		if v, ok := p.Value(pair.Key); !ok || v != pair.Value {
			t.Errorf("%s is %q", pair.Key, v)
		}
	}
	if p.HasNewest() != r.Tokens.HasNewest || Pack(new(Record)).HasNewest() {
		t.Error("a token is there that is not, or the reverse")
	}
	if _, ok := p.Value("none"); ok || p.HasTag("none") || !p.HasTag(in.Tags[2]) {
		t.Error("what is not there is found, or what is there is not")
	}
	ref := r.Ref()
	if !p.Is(&ref) {
		t.Error("the record is not what its ref names")
	}
	for _, other := range []Ref{{Key: r.Key, Lease: r.Lease + 1}, {Key: Key{"x", r.Key.Service, r.Key.ID}, Lease: r.Lease}, {Key: InstanceKey("x", r.Key.ID), Lease: r.Lease}, {Key: InstanceKey(r.Key.Service, "x"), Lease: r.Lease}} {
		if p.Is(&other) {
			t.Errorf("%v names it", other)
		}
	}
}

// Records that have the same in common keep it once, in memory that is nobody else's, and
// nothing of it stays when they are gone.
func TestWhatIsCommonIsKeptOnce(t *testing.T) {
	body := strings.Repeat("2.4.1 of a large request", 10)
	make := func(id string) *Packed {
		return Pack(&Record{Key: InstanceKey("once", id), Owner: "me", TTL: time.Second, Instance: Instance{Version: body[:5]}})
	}
	a, b := make("a"), make("b")
	if a.common != b.common || unsafe.StringData(a.Version()) == unsafe.StringData(body) {
		t.Error("it is kept twice, or with the request")
	}
	h := known(a.common)
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	for range 200 { // cleanups run on a goroutine of the runtime's
		runtime.GC()
		if time.Sleep(time.Millisecond); known(nil) < h {
			return
		}
	}
	t.Error("what no record has is kept")
}

// known gives how many common parts are kept, with c for sure.
func known(c *common) int {
	commons.Lock()
	defer commons.Unlock()
	defer runtime.KeepAlive(c)
	return len(commons.byHash)
}

func BenchmarkPack(b *testing.B) {
	r := &Record{Key: InstanceKey("service-00042", "service-00042-7f3k2m9q"), Lease: 7, Generation: 1, Revision: Revision{1, 2}, Changed: 2,
		TTL: 30 * time.Second, RegisteredAt: 1795258800000, Owner: "spiffe://example.org/deployer",
		Instance: Instance{Address: "10.0.4.17", Port: 3001, Weight: 100, Protocol: "http", Version: "2.4.1", Env: "production", Zone: "eu-west-1a",
			Status: StatusUp, Health: HealthPassing, Metadata: []Pair{{"pod", "service-00042-5c9f7d9b6-00001"}, {"team", "identity"}}}}
	p := Pack(r)
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Pack(r)
		}
	})
	b.Run("record", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Record()
		}
	})
	b.Run("fill", func(b *testing.B) {
		b.ReportAllocs()
		var into Record
		for b.Loop() {
			p.Fill(&into)
		}
	})
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		made := p.Record()
		for b.Loop() {
			Pack(made)
		}
	})
}
