package storetest

import (
	"math"
	"time"

	"github.com/roster-sd/roster/store"
)

var capabilitySpecs = []spec{
	{name: "capability/sane", prove: capabilitySane},
	{name: "capability/ping", prove: capabilityPing},
	{name: "capability/granted-ttl", prove: capabilityGrantedTTL},
	{name: "capability/enormous-ttl", prove: capabilityEnormousTTL},
}

func capabilitySane(e *env) {
	if e.caps.Backend == "" {
		e.t.Error("Capabilities has no Backend")
	}
	if e.caps.TTLResolution < 0 || e.caps.ExpiryLag < 0 {
		e.t.Errorf("negative durations in %+v", e.caps)
	}
	if again := e.s.Capabilities(); again != e.caps {
		e.t.Errorf("Capabilities are %+v at first, then %+v", e.caps, again)
	}
	if !e.h.Synctest && e.h.Slack*2 > e.h.MinTTL {
		e.t.Errorf("Harness.Slack %v is not well under MinTTL %v: bounds would say nothing", e.h.Slack, e.h.MinTTL)
	}
}

func capabilityPing(e *env) {
	if err := e.s.Ping(e.ctx); err != nil {
		e.t.Errorf("Ping: %v", err)
	}
}

// What is granted is at least what was asked for, in whole steps of the resolution, and
// every method tells the same of it.
func capabilityGrantedTTL(e *env) {
	asks := []time.Duration{
		1, time.Millisecond, time.Millisecond + 1, 999*time.Millisecond + 999*time.Microsecond,
		e.unit, e.unit + 1, e.unit + time.Millisecond, e.unit*3/2 + 17*time.Microsecond, time.Hour, 24*time.Hour + 1,
	}
	for i, ask := range asks {
		key := store.InstanceKey("ttl", string(rune('a'+i)))
		rec := e.put(key, ask)
		if rec.TTL < ask {
			e.t.Errorf("asked for %v, granted %v", ask, rec.TTL)
		}
		if res := e.caps.TTLResolution; res > 0 && rec.TTL%res != 0 {
			e.t.Errorf("granted %v is no multiple of the resolution %v", rec.TTL, res)
		}
		if ask < e.unit {
			continue // it may be over before the next call
		}
		if got := e.get(key).TTL; got != rec.TTL {
			e.t.Errorf("asked for %v: Register granted %v, Get tells %v", ask, rec.TTL, got)
		}
		if r := e.renew(rec.Ref()); r.Err != nil || r.TTL < ask {
			e.t.Errorf("asked for %v: Renew gave %v, %v", ask, r.TTL, r.Err)
		}
	}
}

// A TTL beyond all reason is refused or granted, and never wraps around to none at all.
func capabilityEnormousTTL(e *env) {
	for i, ask := range []time.Duration{100 * 365 * 24 * time.Hour, math.MaxInt64 - 1, math.MaxInt64} {
		key := store.InstanceKey("ttl", string(rune('a'+i)))
		rec, err := e.s.Register(e.ctx, sample(key), store.Grant{TTL: ask})
		if err != nil {
			e.gone(key)
			continue
		}
		if rec.TTL < ask {
			e.t.Errorf("asked for %v, granted %v", ask, rec.TTL)
		}
		e.alive(rec)
		if r := e.renew(rec.Ref()); r.Err != nil {
			e.t.Errorf("Renew of a TTL of %v: %v", ask, r.Err)
		}
		e.advance(20 * time.Millisecond)
		e.alive(rec)
	}
}
