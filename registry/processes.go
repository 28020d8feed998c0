package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/store"
)

// Processes tells the processes of the registry's machine apart, and when they end. An
// identity is text that names one process for ever, over a restart of the registry and of
// the machine too. The methods may be called concurrently, and none waits for long.
type Processes interface {
	// Identify names the process that has the pid now; empty if none is seen alive.
	Identify(pid int) string
	// Watch begins to watch a process, of which Release ends it. One that has ended already
	// is told like any other; one that cannot be judged here is never told.
	Watch(process string)
	Release(process string)
	// Ended holds a token while there is something to take; TakeEnded gives the processes
	// that have ended, each once.
	Ended() <-chan struct{}
	TakeEnded() []string
}

// process names the process of an instance that is about to be registered. That is done
// before the record is stored: a pid that is given away afterwards is then another's.
func (r *Registry) process(pid int) string {
	if r.opts.Processes == nil || pid == 0 {
		return ""
	}
	return r.opts.Processes.Identify(pid)
}

// FollowProcesses removes instances whose process has ended, with reason process_exited,
// until the context ends or the store is closed, which are the only errors it gives. It
// begins with those that the store brought back from an earlier run. It is called once, and
// returns at once where no process is watched.
func (r *Registry) FollowProcesses(ctx context.Context) error {
	if r.opts.Processes == nil {
		return nil
	}
	t := tenants{processes: r.opts.Processes, of: map[string]map[store.Key]*store.Record{}, at: map[store.Key]string{}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return r.feed(ctx, store.KindInstance, func(snap store.Snapshot) { t.reset(snap.Records) }, t.apply)
	})
	group.Go(func() error { return r.evict(ctx, &t) })
	return group.Wait()
}

// evict removes the instances of each process that has ended.
func (r *Registry) evict(ctx context.Context, t *tenants) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.processes.Ended():
		}
		for _, process := range t.processes.TakeEnded() {
			for _, rec := range t.leave(process) {
				if err := r.exited(ctx, rec); err != nil {
					return err
				}
			}
		}
	}
}

// exited removes an instance whose process has ended: under the lease that it was seen with,
// so that one that has taken its ID since stays. The error ends the following.
func (r *Registry) exited(ctx context.Context, rec *store.Record) error {
	pid := rec.Instance.PID
	_, err := r.store.Deregister(ctx, rec.Ref(), store.Reason{Code: store.ProcessExited, Node: r.opts.Node,
		Note: fmt.Sprintf("process %d has ended", pid)})
	switch {
	case err == nil:
		r.log.LogAttrs(ctx, slog.LevelInfo, "process ended, its instance is removed", slog.String("service", rec.Key.Service),
			slog.String("instance", rec.Key.ID), slog.Int("pid", pid))
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrLeaseLost):
		// It left by itself, or another has its ID.
	case ctx.Err() != nil, errors.Is(err, store.ErrClosed):
		return err
	default:
		r.log.LogAttrs(ctx, slog.LevelWarn, "process ended, its instance stays until its lease ends", slog.String("service", rec.Key.Service),
			slog.String("instance", rec.Key.ID), slog.Int("pid", pid), slog.Any("error", err))
	}
	return nil
}

// tenants are the instances by the process that they run in.
type tenants struct {
	processes Processes

	mu sync.Mutex
	of map[string]map[store.Key]*store.Record
	at map[store.Key]string // where each stands in of
}

// reset takes the records that the store has for all that there are.
func (t *tenants) reset(records []*store.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	present := make(map[store.Key]bool, len(records))
	for _, rec := range records {
		present[rec.Key] = true
		t.put(rec.Key, rec)
	}
	for key := range t.at {
		if !present[key] {
			t.put(key, nil)
		}
	}
}

func (t *tenants) apply(events []store.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		t.put(events[i].Key(), events[i].Record)
	}
}

// put notes the record of a key, nil for none. A process is watched from its first instance
// to its last. It needs the mutex.
func (t *tenants) put(key store.Key, rec *store.Record) {
	before, now := t.at[key], ""
	if rec != nil {
		now = rec.Process
	}
	if now != "" {
		if t.of[now] == nil {
			t.of[now] = map[store.Key]*store.Record{}
			t.processes.Watch(now)
		}
		t.of[now][key], t.at[key] = rec, now
	}
	if before == "" || before == now {
		return
	}
	if now == "" {
		delete(t.at, key)
	}
	if delete(t.of[before], key); len(t.of[before]) == 0 {
		delete(t.of, before)
		t.processes.Release(before)
	}
}

// leave gives the instances of a process that has ended, and forgets it: if one comes later,
// as when it was registered while its process ended, that process is looked at again.
func (t *tenants) leave(process string) []*store.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	records := make([]*store.Record, 0, len(t.of[process]))
	for key, rec := range t.of[process] {
		records = append(records, rec)
		delete(t.at, key)
	}
	delete(t.of, process)
	return records
}
