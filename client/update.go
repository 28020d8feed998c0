package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/roster-sd/roster/wire"
)

// Update changes status, weight, metadata or tags of the instance, for good: should it
// have to be registered again, it is registered so. It waits until the registry has taken
// the change, tries on while the registry is away or the instance is being registered
// again, and gives up when ctx ends; whether the change was made is then not known.
func (r *Registration) Update(ctx context.Context, change wire.Patch) (wire.Instance, error) {
	in, _, err := r.change(ctx, change, 0)
	if err != nil {
		return in, fmt.Errorf("update registration: %w", err)
	}
	return in, nil
}

// toldAgain is, at the least, between two questions whether the watchers have been told,
// where the first was answered early.
const toldAgain = 100 * time.Millisecond

// drainWithin is what Drain waits where its context has no end.
const drainWithin = 10 * time.Second

// Drain sets the instance to draining, so that nobody chooses it any more, and returns when
// those who watch the service on the node that answers have been told. On a registry of
// several nodes it takes at least as long as the others' feeds may lag. A service that
// stops drains first, then serves what still comes for a moment, and closes last.
//
// It waits until ctx ends, 10 s where ctx has no deadline. ErrNotTold: the instance drains,
// but somebody who watches is too slow to have been told; the error is of use for a log,
// and stopping is then all that is left.
func (r *Registration) Drain(ctx context.Context) error {
	status := "draining"
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(drainWithin)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	for {
		// A little is left for the way back.
		within := min(max(time.Until(end)*9/10, time.Millisecond), maxTold)
		begun := time.Now()
		_, told, err := r.change(ctx, wire.Patch{Status: &status}, within)
		if err == nil && !told && time.Since(begun) < within/2 {
			// A node that stops waits for nobody: the next one is asked, but not at once.
			err = r.await(ctx, nil, toldAgain+rand.N(toldAgain))
		}
		switch {
		case err != nil:
			return fmt.Errorf("drain: %w", err)
		case told:
			return nil
		case time.Until(end) < maxTold/10:
			return fmt.Errorf("drain: %w", ErrNotTold)
		}
	}
}

// maxRefusals is how often a change may be refused for an instance that the registration
// holds for alive.
const maxRefusals = 5

// change sends a patch until the registry has taken it, for the life that the instance
// then has.
func (r *Registration) change(ctx context.Context, change wire.Patch, told time.Duration) (in wire.Instance, ok bool, err error) {
	for failures, refusals := 0, 0; ; {
		r.mu.Lock()
		token, lives, stepped := r.token, r.lives, r.stepped
		ref := wire.InstanceRef{ServiceName: r.want.ServiceName, InstanceID: r.want.InstanceID}
		r.mu.Unlock()
		var wait time.Duration // 0: for the worker's next step
		if token != "" {
			in, ok, err = r.c.PatchTold(ctx, ref, token, change, told)
			switch {
			case err == nil && r.adopt(change, in, lives):
				return in, ok, nil
			case err == nil:
				continue // it was made to a life that has ended meanwhile
			case ctx.Err() != nil:
				return in, false, err
			case gone(err), errors.Is(err, ErrUnauthenticated):
				if r.moved(token) {
					continue
				}
				if refusals++; refusals > maxRefusals {
					return in, false, err
				}
				r.look()
			case unclear(err):
				failures++
				wait = rand.N(min(retryBase<<min(failures, 5), 5*time.Second)) + time.Millisecond
			default:
				return in, false, err
			}
		}
		if wait > 0 {
			stepped = nil // that may be long in coming
		}
		if err := r.await(ctx, stepped, wait); err != nil {
			return in, false, err
		}
	}
}

// await waits for a step of the worker, or for a time.
func (r *Registration) await(ctx context.Context, stepped <-chan struct{}, wait time.Duration) error {
	var timer <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-stepped:
	case <-timer:
	case <-r.done:
		return r.ended()
	case <-ctx.Done():
		if err := r.Err(); err != nil {
			return fmt.Errorf("%w; at last: %w", ctx.Err(), err)
		}
		return ctx.Err()
	}
	return nil
}

// unclear tells whether an error says nothing of the request.
func unclear(err error) bool {
	var e *Error
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRateLimited) || errors.As(err, &e) && e.Status >= 500
}

// moved tells whether the token is another one by now.
func (r *Registration) moved(token string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.token != token
}

// adopt makes a change part of what is registered, if it was made to the present life.
func (r *Registration) adopt(change wire.Patch, in wire.Instance, lives uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lives != lives {
		return false
	}
	r.version++
	r.mine = in
	apply(&r.want, change)
	return true
}

// apply changes a registration as the registry changes the instance.
func apply(in *wire.Registration, change wire.Patch) {
	if change.Status != nil {
		in.Status = *change.Status
	}
	if change.Weight != nil {
		in.Weight = *change.Weight
	}
	if change.Tags != nil {
		in.Tags = slices.Clone(*change.Tags)
	}
	if change.Metadata == nil {
		return
	}
	merged := maps.Clone(in.Metadata) // the caller's map is his
	if merged == nil {
		merged = make(map[string]string)
	}
	for key, value := range change.Metadata {
		if value == nil {
			delete(merged, key)
			continue
		}
		merged[key] = *value
	}
	in.Metadata = merged
}
