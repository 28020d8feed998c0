package storetest

import (
	"context"

	"github.com/roster-sd/roster/store"
)

// call is one method of a store, called in a way that succeeds on a live record.
type call struct {
	op  string    // as in store.Error
	key store.Key // what the error names; zero where the call has no single key
	do  func(ctx context.Context) error
}

// calls gives every method of a store that takes a context.
func calls(s store.Store, rec *store.Record) []call {
	ref := rec.Ref()
	fresh := store.InstanceKey("storetest", "fresh")
	return []call{
		{"ping", store.Key{}, s.Ping},
		{"get", ref.Key, func(ctx context.Context) error { _, err := s.Get(ctx, ref.Key); return err }},
		{"list", store.Key{}, func(ctx context.Context) error { _, err := s.List(ctx, store.Selector{}); return err }},
		{"watch", store.Key{}, func(ctx context.Context) error { return watchOnce(ctx, s, rec.Revision) }},
		{"history", store.Key{}, func(ctx context.Context) error { _, err := s.History(ctx, store.Selector{}, 10); return err }},
		{"tombstones", ref.Key, func(ctx context.Context) error { _, err := s.Tombstones(ctx, ref.Key); return err }},
		{"timetolive", store.Key{}, func(ctx context.Context) error { _, err := s.TimeToLive(ctx, []store.Ref{ref}); return err }},
		{"register", fresh, func(ctx context.Context) error {
			_, err := s.Register(ctx, sample(fresh), store.Grant{TTL: lasting})
			return err
		}},
		{"renew", store.Key{}, func(ctx context.Context) error { _, err := s.Renew(ctx, []store.Ref{ref}); return err }},
		{"update", ref.Key, func(ctx context.Context) error {
			_, err := s.Update(ctx, ref, because(store.Updated), func(r *store.Record) error { r.Instance.Weight++; return nil })
			return err
		}},
		{"deregister", ref.Key, func(ctx context.Context) error {
			_, err := s.Deregister(ctx, ref, because(store.Deregistered))
			return err
		}},
	}
}

// watchOnce watches from a position that the store gave, and looks once.
func watchOnce(ctx context.Context, s store.Store, at store.Revision) error {
	w, err := s.Watch(ctx, store.Selector{}, at)
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = w.Next(ctx)
	return err
}
