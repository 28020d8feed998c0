package redis

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

const line = "1 - 7 12 11 30000 1700000000000\n"

func TestValueComesBack(t *testing.T) {
	in := instance("1")
	in.Instance.Meta = "{\n}"
	text, err := encode(&stored{rec: &in})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text, "\n"); n != 1 {
		t.Fatalf("a record with tags has %d line breaks in %q", n, text)
	}
	got, err := decode(in.Key, 5, line+text)
	if err != nil {
		t.Fatal(err)
	}
	want := in
	want.Generation, want.Revision, want.Changed = 7, store.Revision{Epoch: 5, Number: 12}, 11
	want.TTL, want.RegisteredAt = 30*time.Second, 1700000000000
	if !reflect.DeepEqual(*got.rec, want) {
		t.Errorf("comes back as\n%+v, want\n%+v", *got.rec, want)
	}
}

// The first line of JSON alone is what a tombstone remembers, and is short.
func TestFirstLineIsShort(t *testing.T) {
	in := instance("1")
	in.Instance.Meta = strings.Repeat("m", 8<<10)
	in.Instance.Metadata = []store.Pair{{Key: "k", Value: strings.Repeat("v", 8<<10)}}
	in.Instance.Tags = []string{strings.Repeat("t", 8<<10)}
	text, err := encode(&stored{rec: &in})
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(text, "\n")
	if len(first) > 500 {
		t.Errorf("the first line has %d bytes", len(first))
	}
	got, err := decode(in.Key, 5, line+first)
	if err != nil || got.rec.Owner != in.Owner || got.rec.Tokens != in.Tokens || got.rec.Instance.Address != in.Instance.Address {
		t.Errorf("the first line alone reads as %+v, %v", got, err)
	}
}

// What a newer build has written, in either line and behind the numbers, comes back from an
// update by this one.
func TestUnknownIsKept(t *testing.T) {
	value := strings.TrimSuffix(line, "\n") + " more numbers\n" +
		`{"format":2,"reads":1,"own":"a","later":1}` + "\n" + `{"format":2,"reads":1,"tags":["x"],"also":[2]}`
	s, err := decode(store.InstanceKey("user", "1"), 5, value)
	if err != nil {
		t.Fatal(err)
	}
	s.rec.Instance.Tags = nil
	text, err := encode(s)
	if err != nil || !strings.Contains(text, `"later":1`) || !strings.Contains(text, `"also":[2]`) {
		t.Errorf("written back as %s, %v", text, err)
	}
}

func FuzzDecode(f *testing.F) {
	in := instance("1")
	text, err := encode(&stored{rec: &in})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line + text)
	f.Add("")
	f.Add("1 - 7 12 11 30000\n{}")
	f.Add("1 - 7 12 11 30000 1\n{}\n{}")
	f.Add("2 " + line[2:] + text)
	f.Add("1 - -7 12 11 30000 1\n" + text)
	f.Add("1 - 99999999999999999999 12 11 30000 1\n" + text)
	f.Fuzz(func(t *testing.T, value string) {
		s, err := decode(in.Key, 5, value)
		if err == nil && (s == nil || s.rec == nil || s.rec.Key != in.Key) {
			t.Errorf("%q reads as %+v", value, s)
		}
		stone, err := tombstone(in.Key, 5, value)
		if err == nil && stone.Record == nil {
			t.Errorf("%q is a tombstone of nothing", value)
		}
	})
}

func TestEntryOfRefuses(t *testing.T) {
	for _, v := range []any{nil, "x", []any{}, []any{int64(1)}, []any{"1-1", []any{}}, []any{"x-0", []any{}}, []any{"-0", []any{}}} {
		if en, err := entryOf(v); err == nil {
			t.Errorf("%v is the entry %+v", v, en)
		}
	}
	en, err := entryOf([]any{"12-0", []any{"x", "n", "later", "?", "c", "-"}})
	if err != nil || en.number != 12 || en.nonce != "n" || !en.deletes() {
		t.Errorf("an entry reads as %+v, %v", en, err)
	}
	if ev, err := en.event(); err == nil {
		t.Errorf("an entry of nothing tells %+v", ev)
	}
}
