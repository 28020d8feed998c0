package codec_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/codec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// whole is a record in which every field is set that format 1 began with.
func whole() *codec.Stored {
	s := &codec.Stored{
		Record: store.Record{
			Key: store.InstanceKey("user", "127.0.0.1:80"), Lease: math.MaxUint64, Generation: 1 << 60,
			Revision: store.Revision{Epoch: math.MaxUint64 - 1, Number: 1 << 62}, Changed: 1<<62 - 1,
			TTL: 30*time.Second + 1, RegisteredAt: 1_700_000_000_123, Owner: "spiffe://exämple.org/ü",
			Tokens: store.Tokens{UsedExpires: math.MaxInt64, NewestExpires: -1, HasNewest: true},
			Instance: store.Instance{
				Address: "10.1.2.3", Port: math.MaxUint16, Weight: 100, PID: math.MaxInt32, Protocol: "http",
				Version: "1.0\n2.0", Env: "prod", Zone: "eu-1a", Role: "a\x00b", Status: store.StatusUp, Health: store.HealthPassing,
				Tags:     []string{"", "blue", "\u2028", "<b>&", `"\`},
				Metadata: []store.Pair{{Key: "", Value: ""}, {Key: "commit", Value: "🦊\u200d🔥"}},
				Meta:     "{ \"b\":1.0,\n\"a\" : 2e400 }",
			},
		},
		Why:  store.Reason{Code: store.Registered, Note: "note", Actor: "alice", Node: "node-1", From: "192.0.2.7:1"},
		Time: 1_700_000_000_456,
	}
	for i := range s.Record.Tokens.Used {
		s.Record.Tokens.Used[i], s.Record.Tokens.Newest[i] = byte(i), byte(255-i)
	}
	return s
}

func encode(t testing.TB, s *codec.Stored) []byte {
	t.Helper()
	text, err := codec.Append(nil, s)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return text
}

func TestRoundTrip(t *testing.T) {
	for name, s := range map[string]*codec.Stored{"whole": whole(), "empty": {}} {
		got, err := codec.Decode(encode(t, s))
		if err != nil {
			t.Fatalf("%s: Decode: %v", name, err)
		}
		got.Rest = nil
		if !reflect.DeepEqual(got, *s) {
			t.Errorf("%s: comes back as\n%+v, was\n%+v", name, got, *s)
		}
	}
}

// A field that is added to the contract and forgotten here does not come back.
func TestEveryFieldComesBack(t *testing.T) {
	var s codec.Stored
	n := 0
	fill(reflect.ValueOf(&s.Record).Elem(), &n)
	fill(reflect.ValueOf(&s.Why).Elem(), &n)
	s.Time = 5
	got, err := codec.Decode(encode(t, &s))
	if err != nil {
		t.Fatal(err)
	}
	got.Rest = nil
	if !reflect.DeepEqual(got, s) {
		t.Errorf("comes back as\n%+v, was\n%+v", got, s)
	}
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
		v.SetString(fmt.Sprint("value-", *n))
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
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	default:
		panic(fmt.Sprintf("cannot fill a %s: teach this test", v.Type()))
	}
}

// What is stored in backends must stay readable: this file changes only with Format.
func TestGolden(t *testing.T) {
	if codec.Format != 1 {
		t.Skipf("the golden file is of format 1, this build writes %d", codec.Format)
	}
	const file = "testdata/format1.json"
	got := encode(t, whole())
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want = bytes.TrimSpace(want); !bytes.Equal(got, want) {
		t.Errorf("encodes as\n%s, want\n%s", got, want)
	}
	back, err := codec.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, *whole()) {
		t.Errorf("the golden file reads as %+v", back)
	}
}

func TestAppendAppends(t *testing.T) {
	got, err := codec.Append([]byte("x"), &codec.Stored{})
	if err != nil || !strings.HasPrefix(string(got), `x{"format":`) {
		t.Errorf("Append gave %q, %v", got, err)
	}
}

// What does not hold is refused instead of being stored as something else.
func TestAppendRefuses(t *testing.T) {
	bad := whole()
	bad.Record.Instance.Version = "\xff"
	if _, err := codec.Append(nil, bad); err == nil {
		t.Error("text that is not UTF-8 was encoded")
	}
	for _, rest := range []string{`[]`, `{`, `{"format":2}`, `{"a":1,"a":2}`} {
		if got, err := codec.Append(nil, &codec.Stored{Rest: []byte(rest)}); err == nil {
			t.Errorf("a Rest of %s was encoded as %s", rest, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `1`, `{"format":1`, `{"format":1,"reads":1} x`, `{"format":0,"reads":0}`, `{"format":-1,"reads":1}`,
		`{"format":1,"reads":1,"port":65536}`, `{"format":1,"reads":1,"port":-1}`, `{"format":1,"reads":1,"md":["odd"]}`,
		`{"format":1,"reads":1,"ttl":-1}`, `{"format":1,"reads":1,"k":"a","k":"b"}`, `{"format":1,"reads":1,"k":1}`,
		`{"format":1,"reads":1,"tok":{"u":"AA=="}}`, "{\"format\":1,\"reads\":1,\"k\":\"\xff\"}",
	} {
		if got, err := codec.Decode([]byte(text)); err == nil {
			t.Errorf("%q reads as %+v", text, got)
		}
	}
}

// Records of the version before, and of a newer one that says so, are understood.
func TestDecodeOtherFormats(t *testing.T) {
	for _, tt := range []struct {
		format, reads int
		ok            bool
	}{
		{codec.Format, max(1, codec.Format-1), true},
		{max(1, codec.Format-1), 1, true},
		{codec.Format + 1, codec.Format, true},
		{codec.Format + 7, codec.Format, true},
		{codec.Format + 1, codec.Format + 1, false},
		{codec.Format + 1, 0, false},
		{codec.Format - 2, 1, false},
	} {
		text := fmt.Sprintf(`{"format":%d,"reads":%d,"k":"instance"}`, tt.format, tt.reads)
		if _, err := codec.Decode([]byte(text)); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want it to be read: %v", text, err, tt.ok)
		}
	}
}

// What a newer node wrote goes through an older node's update.
func TestUnknownMembersAreKept(t *testing.T) {
	text := fmt.Sprintf(`{"format":%d,"reads":%d,"own":"alice","later":{"a":[1,2]},"also":"x"}`, codec.Format+1, codec.Format)
	s, err := codec.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s.Record.Owner = "bob"
	out := string(encode(t, &s))
	for _, want := range []string{`"own":"bob"`, `"later":{"a":[1,2]}`, `"also":"x"`} {
		if !strings.Contains(out, want) {
			t.Errorf("written back as %s, want %s in it", out, want)
		}
	}
	again, err := codec.Decode([]byte(out))
	if err != nil || !bytes.Equal(again.Rest, s.Rest) {
		t.Errorf("the second time the rest is %s, %v, was %s", again.Rest, err, s.Rest)
	}
}

// A decoded record holds no part of the buffer it came from.
func TestDecodeSharesNothing(t *testing.T) {
	text := append(encode(t, whole())[:0:0], `{"format":1,"reads":1,"own":"alice","tags":["a"],"new":"x"}`...)
	s, err := codec.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] = '!'
	}
	if s.Record.Owner != "alice" || s.Record.Instance.Tags[0] != "a" || string(s.Rest) != `{"new":"x"}` {
		t.Errorf("after the buffer was written over: %+v, %s", s.Record, s.Rest)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, whole()))
	f.Add([]byte(`{"format":2,"reads":1,"x":{"y":[null,1e3]},"md":["a","b"]}`))
	f.Add([]byte(`{"format":1,"reads":1,"k":null,"tags":null,"why":null,"tok":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := codec.Decode(data)
		if err != nil {
			return
		}
		text, err := codec.Append(nil, &s)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := codec.Decode(text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		twice, err := codec.Append(nil, &again)
		if err != nil || !bytes.Equal(text, twice) {
			t.Errorf("written as %s, then as %s, %v", text, twice, err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s, buf := whole(), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = codec.Append(buf[:0], s)
	}
}

func BenchmarkDecode(b *testing.B) {
	text := encode(b, whole())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
