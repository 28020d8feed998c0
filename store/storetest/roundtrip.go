package storetest

import (
	"fmt"
	"math"
	"strings"

	"github.com/roster-sd/roster/store"
)

var roundTripSpecs = []spec{
	{name: "round-trip/every-field", prove: roundTripEveryField},
	{name: "round-trip/two-full-records", prove: roundTripTwo},
	{name: "round-trip/empty", prove: roundTripEmpty},
	{name: "round-trip/text", prove: roundTripText},
	{name: "round-trip/meta", prove: roundTripMeta},
	{name: "round-trip/extremes", prove: roundTripExtremes},
	{name: "round-trip/large", prove: roundTripLarge},
}

// comesBack registers a record, removes it, and checks that every way to it shows it as
// it was given.
func (e *env) comesBack(in store.Record) {
	e.t.Helper()
	given := copyOf(&in)
	c := e.fromNow()
	rec := e.register(in, store.Grant{TTL: lasting})
	if d := differGiven(&given, rec); d != "" {
		e.t.Fatalf("Register gave back another record: %s", d)
	}
	e.alive(rec)
	e.deregister(rec.Ref(), because(store.Deregistered))
	events := c.all()
	if len(events) != 2 || !events[1].Deleted() {
		e.t.Fatalf("%d events of a registration and its end", len(events))
	}
	if d := differ(rec, events[0].Record); d != "" {
		e.t.Errorf("in the event: %s", d)
	}
	if d := differ(rec, events[1].Before); d != "" {
		e.t.Errorf("in the event of the deletion: %s", d)
	}
	if stones := e.tombstones(in.Key); len(stones) == 0 {
		e.t.Error("no tombstone")
	} else if d := differRemembered(rec, stones[0].Record); d != "" {
		e.t.Errorf("in the tombstone: %s", d)
	}
	past, err := e.s.History(e.ctx, store.Selector(in.Key), 2)
	if err != nil || len(past) != 2 {
		e.t.Fatalf("History gave %d events, %v", len(past), err)
	}
	if d := differ(rec, past[0].Record); d != "" {
		e.t.Errorf("in the history: %s", d)
	}
}

func roundTripEveryField(e *env) { e.comesBack(full(store.InstanceKey("user", "1"), 1)) }

// Two records that differ in every field stay apart.
func roundTripTwo(e *env) {
	one := e.register(full(store.InstanceKey("user", "1"), 1), store.Grant{TTL: lasting})
	two := e.register(full(store.InstanceKey("user", "2"), 500), store.Grant{TTL: lasting})
	e.alive(one)
	e.alive(two)
}

func roundTripEmpty(e *env) { e.comesBack(store.Record{Key: store.InstanceKey("user", "1")}) }

// Values are text of any kind: what separates things for a backend means nothing in them.
func roundTripText(e *env) {
	in := sample(store.InstanceKey("user", "1"))
	odd := []string{
		"", " ", "äöü ß", "日本語", "🦊\u200d🔥", "a\x00b", "tab\tline\nreturn\r", `"quoted" \ back`, "a,b;c|d=e&f",
		"{json: [1]}", "%s %d %%", "\u2028\u2029", "<script>&amp;", "'; --", "*?[a-z]", "\ufeff", "\u202eright to left",
	}
	in.Instance.Tags = odd
	in.Instance.Metadata = nil
	for i, text := range odd {
		in.Instance.Metadata = append(in.Instance.Metadata, store.Pair{Key: fmt.Sprintf("%02d%s", i, text), Value: text})
	}
	in.Owner = "spiffe://exämple.org/ü"
	in.Instance.Version = "1.0\n2.0"
	in.Instance.Role = "leader\x00follower"
	e.comesBack(in)
}

// Meta comes back byte for byte: it is the client's text, not the store's object.
func roundTripMeta(e *env) {
	in := sample(store.InstanceKey("user", "1"))
	in.Instance.Meta = "{ \"b\":1.0,\n\"a\" : [true,null,\"\\u00e9é\"], \"a\":2e400, \"n\":12345678901234567890 }"
	e.comesBack(in)
}

func roundTripExtremes(e *env) {
	in := full(store.InstanceKey("user", "1"), 1)
	in.Instance.Port, in.Instance.Weight, in.Instance.PID = math.MaxUint16, math.MaxUint16, math.MaxInt32
	in.Tokens.UsedExpires, in.Tokens.NewestExpires = math.MaxInt64, 1
	for i := range in.Tokens.Used {
		in.Tokens.Used[i], in.Tokens.Newest[i] = 0xff, byte(i)
	}
	e.comesBack(in)
}

// As much metadata as a client may give (64 entries, 8 KiB), and a name of each limit.
func roundTripLarge(e *env) {
	in := sample(store.InstanceKey(strings.Repeat("s", 63), strings.Repeat("i", 128)))
	in.Instance.Metadata = nil
	for i := range 64 {
		in.Instance.Metadata = append(in.Instance.Metadata,
			store.Pair{Key: fmt.Sprintf("key-%03d", i), Value: strings.Repeat("v", 120)})
	}
	in.Instance.Meta = `{"x":"` + strings.Repeat("m", 8<<10) + `"}`
	e.comesBack(in)
}
