package redis

import (
	"errors"
	"testing"
)

// An entry of the stream, of whatever a reply holds, is an event of a record or an error.
func FuzzEntry(f *testing.F) {
	in := instance("1")
	text, err := encode(&stored{rec: &in})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("12-0", "nonce", "5", "1700000000000", "+", name(in.Key), `{"code":"registered"}`, line+text, int64(1))
	f.Add("12-0", "nonce", "5", "1700000000000", "-", name(in.Key), `{"code":"expired"}`, line+text, int64(0))
	f.Add("12-1", "", "zz", "-1", "?", "a/b", "{", "", int64(-1))
	f.Add("-0", "", "", "", "", "", "", "", int64(0))
	f.Add("18446744073709551616-0", "n", "ffffffffffffffffff", "9223372036854775808", "+", "//", "null", "1 - 7", int64(2))
	f.Fuzz(func(t *testing.T, id, nonce, epoch, at, what, key, why, value string, number int64) {
		for _, reply := range []any{
			[]any{id, []any{"x", nonce, "e", epoch, "t", at, "c", what, "k", key, "w", why, "v", value}},
			[]any{id, []any{"x", number, "e", epoch, "t", number, "c", what, "k", key, "w", why, "v", value, "later"}},
			[]any{number, []any{nonce}}, []any{id, number}, []any{id, []any{[]any{id}, nonce, number}}, id, number, nil,
		} {
			en, err := entryOf(reply)
			if err != nil {
				if !errors.Is(err, errEntry) {
					t.Fatalf("%v: %v", reply, err)
				}
				continue
			}
			ev, err := en.event()
			if err != nil {
				continue
			}
			rec := ev.Record
			if ev.Deleted() {
				rec = ev.Before
			}
			if rec == nil || rec.Key != ev.Key() || ev.Revision.Number != en.number {
				t.Fatalf("%v tells %+v of %+v", reply, ev, rec)
			}
		}
	})
}
