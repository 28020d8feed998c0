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

// report takes a verdict to the registry if it says something new. What could not be
// written, the schedule gives again.
func (r *Runner) report(ctx context.Context, rep check.Report) {
	key := rep.Target.Key
	f := registry.Finding{Key: key, Generation: rep.Target.Generation, Passing: rep.Passing, Why: rep.Why}
	if !r.hear(&f) {
		return
	}
	if !rep.Passing && r.doubting(ctx) {
		r.withhold(key)
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
			r.count(rep)
		}
		return
	case ctx.Err() != nil:
		return
	case errors.Is(err, registry.ErrAbsent):
		r.opts.Seat.Doubt()
	case errors.Is(err, registry.ErrOutdated): // or the backend lost it, and it will be back
	default:
		r.stats.failed.Add(1)
		if !r.stats.broken.Swap(true) {
			r.log.LogAttrs(ctx, slog.LevelWarn, "checks: what was found could not be written; trying again", slog.Any("error", err))
		}
	}
	r.schedule.Retell(key)
}

// hear notes what the schedule says, and tells whether it is this node's to say and new.
func (r *Runner) hear(f *registry.Finding) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.known[f.Key]
	if s == nil || !s.mine || s.rec.Generation != f.Generation {
		return false
	}
	if s.found = failing; f.Passing {
		s.found, s.withheld = passing, false
	}
	return !f.Says(&s.rec.Instance)
}

func (r *Runner) withhold(key store.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.known[key]; s != nil {
		s.withheld = true
	}
}

func (r *Runner) count(rep check.Report) {
	switch {
	case rep.Passing:
		r.stats.passing.Add(1)
	case rep.Target.Check.Evict:
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
	// That fails what is known to fail says nothing against this node.
	counts := err == nil || s.rec.Instance.Health != store.HealthFailing
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
