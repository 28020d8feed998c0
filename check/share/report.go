package share

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// report takes a verdict to the registry if it says something new, or if the instance is to be
// removed for it. What could not be written, the schedule gives again.
func (r *Runner) report(ctx context.Context, rep check.Report) {
	key := rep.Target.Key
	f := registry.Finding{Key: key, Generation: rep.Target.Generation, Passing: rep.Passing, Why: rep.Why}
	// That nobody may look at it is no proof that it cannot be reached: it is marked.
	evict := !rep.Passing && rep.Target.Check.Evict && !rep.Refused
	if says, mine := r.hear(&f, rep.Run); !mine || says && !evict {
		return
	} else if f.Remove = says; !rep.Passing && r.doubting(ctx) {
		r.withhold(key)
		return
	}
	if f.Remove && (!r.failedOn(key, rep.Run) || r.spared(ctx, key) || r.opts.Seat != nil && r.opts.Seat.Doubted()) {
		r.schedule.Again(key)
		return
	}
	if r.opts.Seat != nil {
		v := r.opts.Seat.View()
		if v.Nodes == nil {
			return // it is taken from the schedule, or is about to be
		}
		f.While = &v.While
	}
	changed, err := r.opts.Report(ctx, f)
	switch {
	case err == nil:
		r.stats.broken.Store(false)
		if changed {
			r.count(&f)
		}
		if evict && !f.Remove {
			r.schedule.Again(key)
		}
		return
	case ctx.Err() != nil:
		return
	case errors.Is(err, registry.ErrAbsent):
		r.opts.Seat.Doubt()
	case errors.Is(err, registry.ErrSpared):
	case errors.Is(err, registry.ErrOutdated): // or the backend lost it, and it will be back
	default:
		r.stats.failed.Add(1)
		if !r.stats.broken.Swap(true) {
			r.log.LogAttrs(ctx, slog.LevelWarn, "checks: what was found could not be written; trying again", slog.Any("error", err))
		}
	}
	r.schedule.Retell(key)
}

// hear notes what the schedule says, and tells whether the instance says so already, and whether
// it is this node's at all.
func (r *Runner) hear(f *registry.Finding, run int) (says, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.known[f.Key]
	if s == nil || !s.mine || s.rec.Generation != f.Generation {
		return false, false
	}
	says = f.Says(&s.rec.Instance)
	if s.found = failing; f.Passing {
		s.found, s.withheld = passing, false
		r.spare(s, false)
	} else if !says {
		s.markedAt = run
	}
	return says, true
}

func (r *Runner) withhold(key store.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.known[key]; s != nil {
		s.withheld = true
	}
}

func (r *Runner) count(f *registry.Finding) {
	switch {
	case f.Passing:
		r.stats.passing.Add(1)
	case f.Remove:
		r.stats.evicted.Add(1)
	default:
		r.stats.failing.Add(1)
	}
}

// observe is told of each check.
func (r *Runner) observe(t check.Target, began time.Time, err error, took, late time.Duration) {
	if r.opts.Observe != nil {
		r.opts.Observe(err, took, late)
	}
	now := r.now()
	r.mu.Lock()
	s := r.known[t.Key]
	if s == nil || !s.mine {
		r.mu.Unlock()
		return
	}
	// That fails what is known to fail, or may not be looked at, says nothing against this node.
	counts := err == nil || s.rec.Instance.Health != store.HealthFailing && !errors.Is(err, check.ErrForbidden)
	withheld := s.withheld
	r.mu.Unlock()
	if counts {
		r.doubt.note(now, t.Key, err == nil)
	} else {
		r.doubt.forget(t.Key)
	}
	if !withheld {
		return
	}
	if err == nil {
		r.release(t.Key)
	} else if doubting, _, ended := r.doubt.look(now); !doubting && began.Sub(r.began) > ended {
		r.release(t.Key)
		r.schedule.Retell(t.Key)
	}
}

// release takes an instance out of those whose failure is withheld.
func (r *Runner) release(key store.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.known[key]; s != nil {
		s.withheld = false
	}
}
