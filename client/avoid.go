package client

import (
	"fmt"
	"time"
)

// choose picks an instance that was not tried and is not to be avoided; one to be avoided
// rather than none.
func (r *route) choose(key string, tried map[string]bool) (Endpoint, error) {
	if r.avoiding.Load() == 0 && tried == nil {
		return r.Pick(key)
	}
	v := r.view.Load()
	if len(v.pool) == 0 {
		return Endpoint{}, v.err
	}
	avoided := r.avoidedNow()
	if e, err := r.Pick(key); err == nil && !tried[e.Address] && !avoided[e.Address] {
		return e, nil
	}
	if e, ok := v.except(r.strategy, key, func(e Endpoint) bool { return tried[e.Address] || avoided[e.Address] }); ok {
		return e, nil
	}
	if e, ok := v.except(r.strategy, key, func(e Endpoint) bool { return tried[e.Address] }); ok {
		return e, nil
	}
	return Endpoint{}, fmt.Errorf("resolve %s: %w that was not tried", r.service, ErrNoInstance)
}

func (r *route) avoid(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.avoided == nil {
		r.avoided = make(map[string]time.Time)
	}
	r.avoided[address] = time.Now().Add(avoidFor)
	r.avoiding.Store(int32(len(r.avoided)))
}

// avoidedNow gives the addresses to avoid, and forgets those whose time is over.
func (r *route) avoidedNow() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	out := make(map[string]bool, len(r.avoided))
	for address, until := range r.avoided {
		if now.Before(until) {
			out[address] = true
		} else {
			delete(r.avoided, address)
		}
	}
	r.avoiding.Store(int32(len(r.avoided)))
	return out
}
