package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/store"
)

// Finding is what a node found when it checked an instance.
type Finding struct {
	Key store.Key
	// Generation is the registration that was checked: of another one it says nothing.
	Generation uint64
	Passing    bool
	Why        string // of one that fails: a short line for people, which anybody may see
	// Remove: it asked to be removed, and has failed on since it stands as failing. What failed at
	// the same moment is known by then.
	Remove bool
	// While is the presence of the node that checked, under its lease: a node whose presence has
	// ended writes nothing. Nil where there is one node only.
	While *store.Ref
}

// Errors of ReportHealth, beside those of the store.
var (
	// ErrOutdated: the instance is gone, or was registered again, or asks for no check any more, or
	// does not stand as failing where it was to be removed.
	ErrOutdated = errors.New("the instance is not the one that was checked")
	// ErrAbsent: the presence of the node has ended, and it may say nothing.
	ErrAbsent = errors.New("the presence of this node has ended")
	// ErrSpared: the instance is not removed, because nearly all of its service fail.
	ErrSpared = errors.New("nearly all of the service fail")

	errEvict = errors.New("the instance is to be removed")
)

// ReportHealth writes what a check found into its instance, if that says something new, or
// removes the instance, and tells whether anything changed. It is the one way in which a check
// changes anything. An instance that passes stays suspect if it was: only its holder ends that.
// Nothing is removed of a service of which nearly all fail, as [catalog.Catalog.NearlyAllFail]
// has it: that is ErrSpared.
func (r *Registry) ReportHealth(ctx context.Context, f Finding) (changed bool, err error) {
	if f.Remove && r.catalog.NearlyAllFail(f.Key.Service) {
		return false, ErrSpared
	}
	ref := store.Ref{Key: f.Key, While: f.While}
	_, err = r.store.Update(ctx, ref, r.found(f, store.Checked), func(x *store.Record) error {
		switch {
		case x.Generation != f.Generation || x.Instance.Check == nil:
			return ErrOutdated
		case f.Remove && !f.mayRemove(&x.Instance):
			return ErrOutdated
		case f.Remove:
			// The lease is of this generation, or of its resurrection: no other registration has it.
			ref.Lease = x.Lease
			return errEvict
		}
		if changed = !f.Says(&x.Instance); changed {
			f.into(&x.Instance, r.opts.Node, r.millis())
		}
		return nil
	})
	about := []slog.Attr{slog.String("service", f.Key.Service), slog.String("instance", f.Key.ID), slog.String("why", f.Why)}
	switch {
	case errors.Is(err, errEvict):
		if _, err := r.store.Deregister(ctx, ref, r.found(f, store.Unreachable)); err != nil {
			return false, reported(err)
		}
		r.log.LogAttrs(ctx, slog.LevelInfo, "instance fails its check and is removed", about...)
		r.Audit(audit.Event{Kind: audit.Unreachable, Service: f.Key.Service, Instance: f.Key.ID, Why: f.Why})
		return true, nil
	case err != nil:
		return false, reported(err)
	case changed && f.Passing:
		r.log.LogAttrs(ctx, slog.LevelInfo, "instance passes its check", about[:2]...)
	case changed:
		r.log.LogAttrs(ctx, slog.LevelInfo, "instance fails its check", about...)
	}
	return changed, nil
}

func (r *Registry) found(f Finding, code store.Code) store.Reason {
	return store.Reason{Code: code, Note: f.Why, Node: r.opts.Node}
}

// Says tells whether an instance says already what was found, so that there is nothing to
// report. That it fails for another reason than before is nothing new.
func (f *Finding) Says(in *store.Instance) bool {
	if in.Unchecked() {
		return false
	}
	return f.Passing == (in.Health != store.HealthFailing) && f.Passing == (in.Verdict == nil || in.Verdict.Why == "")
}

// mayRemove tells whether the instance is one that goes: it asked for that, and stands as failing.
func (f *Finding) mayRemove(in *store.Instance) bool {
	return !f.Passing && in.Check.Evict && in.Health == store.HealthFailing && !in.Unchecked()
}

// into writes the finding into an instance.
func (f *Finding) into(in *store.Instance, node string, now store.Millis) {
	switch {
	case !f.Passing:
		in.Health = store.HealthFailing
	case in.Health == store.HealthFailing:
		in.Health = store.HealthPassing
	}
	in.Verdict = &store.Verdict{Why: f.Why, Node: node, Since: now}
}

// reported gives an error of the store its meaning for a report.
func reported(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return ErrAbsent
	case errors.Is(err, ErrOutdated), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrLeaseLost):
		return ErrOutdated
	}
	return fmt.Errorf("report health: %w", err)
}
