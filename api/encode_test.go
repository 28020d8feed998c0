package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// sameAsWire fails the test unless the encoding of the record is JSON, and what the standard
// library reads from it as a wire.Instance is the record.
func sameAsWire(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *store.Record) {
	t.Helper()
	prefix := []byte("before ")
	out := EncodeInstance(prefix, r)
	if !bytes.HasPrefix(out, prefix) {
		t.Fatalf("it does not append: %s", out)
	}
	text := append(out[len(prefix):], `,"lastHeartbeat":7}`...)
	var got wire.Instance
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil || !json.Valid(text) {
		t.Fatalf("%v: %s", err, text)
	}
	in := &r.Instance
	want := wire.Instance{
		ServiceName: valid(r.Key.Service), InstanceID: valid(r.Key.ID), Address: valid(in.Address), Port: int(in.Port),
		Protocol: valid(in.Protocol), Version: valid(in.Version), Env: valid(in.Env), Zone: valid(in.Zone), Role: valid(in.Role),
		Weight: int(in.Weight), Status: valid(in.Status), Health: valid(in.Health), PID: in.PID, TTL: r.TTL.Milliseconds(),
		RegisteredAt: int64(r.RegisteredAt), LastHeartbeat: 7,
		Revision: store.Revision{Epoch: r.Revision.Epoch, Number: r.Changed}.String(),
	}
	want.Check = checkOf(in.Check)
	if v := in.Verdict; v != nil {
		if want.Verdict = (&wire.Verdict{Why: valid(v.Why), Node: valid(v.Node), Since: int64(v.Since)}); v.Node == "" {
			want.Verdict.Since = 0 // nobody has looked
		}
	}
	for _, tag := range in.Tags {
		want.Tags = append(want.Tags, valid(tag))
	}
	for _, p := range in.Metadata {
		if want.Metadata == nil {
			want.Metadata = make(map[string]string)
		}
		want.Metadata[valid(p.Key)] = valid(p.Value)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nis %+v\nnot %+v", text, got, want)
	}
}

// checkOf gives a check as the wire has it.
func checkOf(c *store.Check) *wire.Check {
	if c == nil {
		return nil
	}
	return &wire.Check{Type: valid(c.Type), Path: valid(c.Path), Interval: c.Interval.Milliseconds(), Timeout: c.Timeout.Milliseconds(),
		Failures: int(c.Failures), Successes: int(c.Successes), OnFailure: map[bool]string{true: "evict", false: "mark"}[c.Evict]}
}

// valid replaces what is not UTF-8 byte by byte, as encoders of JSON do.
func valid(s string) string { return string([]rune(s)) }

func TestEncodeInstanceIsWireInstance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Any bytes at all: what a store gives back was not made by this process.
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) string { return string(b) }),
			rapid.SampledFrom([]string{"", "\"", "\\", "</script>", "\u2028", "\x00\x1f\x7f", "\ufffd", "\U0001F600", "\xed\xa0\x80"}))
		pairs := rapid.Map(rapid.MapOfN(text, text, 0, 5), func(m map[string]string) []store.Pair {
			var out []store.Pair
			seen := make(map[string]bool)
			for k, v := range m {
				if !seen[valid(k)] { // no store holds a key twice, nor two that are spelt alike
					seen[valid(k)] = true
					out = append(out, store.Pair{Key: k, Value: v})
				}
			}
			return out
		})
		var check *store.Check
		var verdict *store.Verdict
		if rapid.Bool().Draw(t, "checked") {
			check = &store.Check{Type: text.Draw(t, "type"), Path: text.Draw(t, "path"), Interval: time.Duration(rapid.Int64Min(0).Draw(t, "interval")),
				Timeout: time.Duration(rapid.Int64Min(0).Draw(t, "timeout")), Failures: rapid.Uint16().Draw(t, "failures"),
				Successes: rapid.Uint16().Draw(t, "successes"), Evict: rapid.Bool().Draw(t, "evict")}
			verdict = &store.Verdict{Why: text.Draw(t, "why"), Node: text.Draw(t, "node"), Since: store.Millis(rapid.Int64().Draw(t, "since"))}
		}
		sameAsWire(t, &store.Record{
			Key:          store.InstanceKey(text.Draw(t, "service"), text.Draw(t, "id")),
			Revision:     store.Revision{Epoch: rapid.Uint64().Draw(t, "epoch"), Number: rapid.Uint64().Draw(t, "number")},
			Changed:      rapid.Uint64().Draw(t, "changed"),
			TTL:          time.Duration(rapid.Int64Min(0).Draw(t, "ttl")),
			RegisteredAt: store.Millis(rapid.Int64().Draw(t, "registered at")),
			Owner:        text.Draw(t, "owner"),
			Instance: store.Instance{
				Address: text.Draw(t, "address"), Port: rapid.Uint16().Draw(t, "port"), Weight: rapid.Uint16().Draw(t, "weight"),
				PID: rapid.IntRange(0, 1<<31-1).Draw(t, "pid"), Protocol: text.Draw(t, "protocol"), Version: text.Draw(t, "version"),
				Env: text.Draw(t, "env"), Zone: text.Draw(t, "zone"), Role: text.Draw(t, "role"), Status: text.Draw(t, "status"),
				Health: text.Draw(t, "health"), Tags: rapid.SliceOfN(text, 0, 5).Draw(t, "tags"), Metadata: pairs.Draw(t, "metadata"),
				Meta: text.Draw(t, "meta"), Check: check, Verdict: verdict,
			},
		})
	})
}

// Neither token nor owner is in what clients see.
func TestEncodeInstanceHoldsNoSecret(t *testing.T) {
	r := &store.Record{Key: store.InstanceKey("orders", "o-1"), Owner: "spiffe://example.org/owner", Lease: 0xABCDEF}
	copy(r.Tokens.Used[:], "digest")
	if out := EncodeInstance(nil, r); bytes.Contains(out, []byte("owner")) || bytes.Contains(out, []byte("digest")) || bytes.Contains(out, []byte("abcdef")) {
		t.Errorf("%s", out)
	}
}
