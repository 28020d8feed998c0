package registry

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// Patch is what the owner of an instance may change. What is nil stays.
type Patch struct {
	Status   *string
	Weight   *uint16
	Tags     *[]string
	Metadata map[string]*string // merged; nil removes the key
}

// Check tells every rule that the patch itself breaks.
func (p *Patch) Check() []FieldError {
	var c checker
	if p.Status != nil {
		c.status(*p.Status)
	}
	if p.Weight != nil {
		c.weight(*p.Weight)
	}
	if p.Tags != nil {
		c.tags(*p.Tags)
	}
	if p.Metadata != nil {
		c.metadata(p.pairs())
	}
	if p.Status == nil && p.Weight == nil && p.Tags == nil && p.Metadata == nil {
		c.add("body", "holds nothing to change: give status, weight, metadata or tags")
	}
	return c.errs
}

// Update changes an instance at the word of the holder of its token, or of an administrator.
func (r *Registry) Update(ctx context.Context, c Caller, service, id, token string, p Patch) (*store.Record, error) {
	if err := checkRef(service, id); err != nil {
		return nil, err
	}
	if err := invalid(p.Check()); err != nil {
		return nil, err
	}
	var out *store.Record
	err := r.change(ctx, c, service, id, token, func(ref store.Ref, check func(*store.Record) error) error {
		var err error
		out, err = r.store.Update(ctx, ref, r.why(c, store.Updated, ""), func(x *store.Record) error {
			if err := check(x); err != nil {
				return err
			}
			return p.apply(&x.Instance)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	r.log.LogAttrs(ctx, slog.LevelInfo, "updated", slog.String("service", service),
		slog.String("instance", id), slog.String("identity", c.Identity), slog.String("from", c.From), c.requestAttr(),
		slog.String("status", out.Instance.Status))
	r.visible(ctx, service, out.Revision)
	return out, nil
}

func (p *Patch) apply(in *store.Instance) error {
	if p.Status != nil {
		in.Status = *p.Status
	}
	if p.Weight != nil {
		in.Weight = *p.Weight
	}
	if p.Tags != nil {
		in.Tags = *p.Tags
	}
	if p.Metadata == nil {
		return nil
	}
	merged := make([]store.Pair, 0, len(in.Metadata)+len(p.Metadata))
	for _, pair := range in.Metadata {
		if _, ok := p.Metadata[pair.Key]; !ok {
			merged = append(merged, pair)
		}
	}
	merged = append(merged, p.pairs()...)
	SortMetadata(merged)
	var c checker
	c.metadata(merged)
	in.Metadata, in.Meta = merged, ""
	return invalid(c.errs)
}

// pairs gives the metadata that the patch sets, in order.
func (p *Patch) pairs() []store.Pair {
	pairs := make([]store.Pair, 0, len(p.Metadata))
	for key, value := range p.Metadata {
		if value != nil {
			pairs = append(pairs, store.Pair{Key: key, Value: *value})
		}
	}
	SortMetadata(pairs)
	return pairs
}

// inOrder gives the pairs in the order that store.Instance asks for, without a change to
// the caller's slice.
func inOrder(pairs []store.Pair) []store.Pair {
	if slices.IsSortedFunc(pairs, byKey) {
		return pairs
	}
	pairs = slices.Clone(pairs)
	SortMetadata(pairs)
	return pairs
}

func byKey(a, b store.Pair) int { return strings.Compare(a.Key, b.Key) }

// SortMetadata puts pairs into the order that store.Instance asks for.
func SortMetadata(pairs []store.Pair) {
	slices.SortFunc(pairs, byKey)
}

// change runs a write that the holder of the token may do, and an administrator too: for
// the latter with a ref that forces. check must be called on the record that is written.
func (r *Registry) change(ctx context.Context, c Caller, service, id, token string,
	do func(ref store.Ref, check func(*store.Record) error) error) error {
	key := store.InstanceKey(service, id)
	if r.forces(c, service, token) {
		err := do(store.Ref{Key: key}, func(*store.Record) error { return nil })
		if raced(err) {
			return &Error{Code: NotFound, Detail: "service " + quote(service) + " has no instance " + quote(id)}
		}
		if err == nil {
			r.allowed(c, audit.Forced, auth.Admin, service, id, because("changed"))
		}
		return failed(err)
	}
	if err := r.authorise(ctx, c, auth.Register, service); err != nil {
		return err
	}
	digest, err := r.digestOf(ctx, c, key, token)
	if err != nil {
		return err
	}
	return r.write(ctx, c, key, digest, func(rec *store.Record) error {
		if !c.Holder && !r.verdict(rec.Tokens, digest).OK() {
			return errTokenMoved
		}
		used, err := r.used(ctx, c, store.Pack(rec), digest)
		if err != nil {
			return err
		}
		return do(used.Ref(), func(x *store.Record) error {
			if !c.Holder && !r.verdict(x.Tokens, digest).OK() {
				return errTokenMoved
			}
			return nil
		})
	})
}

// forces tells whether a call without a token acts at an administrator's word.
func (r *Registry) forces(c Caller, service, token string) bool {
	return token == "" && !c.Holder && r.isAdmin(c, service)
}
