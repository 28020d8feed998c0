package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

const (
	// dying is how many instances end at once.
	dying = 1000
	// evictedWithin is how long after their deadline they may be missed before it is an
	// error.
	evictedWithin = 30 * time.Second
	// ahead is how long before the deadline one begins to look at the machine.
	ahead = 250 * time.Millisecond
)

// dyingTTL is the TTL of those who end: as long as registering and renewing them takes, and
// more.
func dyingTTL(backend string) time.Duration {
	if backend == BackendEtcd {
		return 8 * time.Second // a slow disk makes slow writes there
	}
	return 5 * time.Second
}

// evictionGoals are for the 99th percentile of the lateness; etcd has none.
var evictionGoals = map[string]time.Duration{BackendMemory: 50 * time.Millisecond, BackendRedis: 250 * time.Millisecond}

// Wave is one time that many instances ended at once, and how late a watcher was told.
//
// All of them were renewed in one request. The server granted the TTL somewhere between
// the request's start and its answer; lateness counts from the later of these two bounds,
// by the clock of the watcher, and may be as much too small as they are apart.
type Wave struct {
	Backend       string  `json:"backend"`
	Protocol      string  `json:"protocol"`
	Number        int     `json:"number"`    // from 1; those thrown away count too
	Instances     int     `json:"instances"` // that stay
	Dying         int     `json:"dying"`
	Early         int     `json:"early"`        // seen to leave before the earlier bound: never right
	WindowMillis  float64 `json:"windowMillis"` // between the two bounds
	P50Millis     float64 `json:"p50Millis"`
	P99Millis     float64 `json:"p99Millis"`
	MaxMillis     float64 `json:"maxMillis"`
	StealPercent  float64 `json:"stealPercent"`
	OthersPercent float64 `json:"othersPercent"`
	Disturbed     bool    `json:"disturbed"`
}

// evict measures waves until enough of them were undisturbed, or too many were measured.
func (r *runner) evict(ctx context.Context, w *crowd) error {
	watch, err := w.roster.API.watch(ctx)
	if err != nil {
		return fmt.Errorf("case %s: %w", caseEviction, err)
	}
	defer watch.close()
	for n, clean := 1, 0; clean < r.options.Rounds && n <= attempts*r.options.Rounds; n++ {
		if err := r.calm(ctx); err != nil {
			return err
		}
		wave, err := r.wave(ctx, w, watch, n)
		if err != nil {
			return fmt.Errorf("case %s: %w", caseEviction, err)
		}
		r.report.Waves = append(r.report.Waves, wave)
		r.tellWave(&wave)
		if !wave.Disturbed {
			clean++
		}
	}
	return nil
}

// wave registers those who are to die, renews them all at once, and waits until the watcher
// has seen the last of them leave.
func (r *runner) wave(ctx context.Context, w *crowd, watch *watcher, n int) (Wave, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*patience+w.ttl+evictedWithin)
	defer cancel()
	defer context.AfterFunc(ctx, watch.close)()
	var (
		v             = victims{crowd: w, prefix: fmt.Sprintf("dies-%04d-", n)}
		left          map[string]time.Time
		before, after usage
		group         errgroup.Group
	)
	group.Go(func() (err error) {
		if left, err = watch.leaving(v.prefix, w.dying); err == nil {
			err = after.read(w.roster.Target.PID, w.roster.Target.Behind)
		}
		return err
	})
	err := r.doom(ctx, &v)
	if err == nil {
		before, err = w.roster.Target.usage()
	}
	if err != nil {
		watch.close() // and so the group ends
	}
	if watched := group.Wait(); err == nil {
		err = watched
	}
	if err == nil {
		after.strangers, err = w.roster.Target.strangersTime()
	}
	if err != nil {
		return Wave{}, err
	}
	wave := Wave{Backend: w.backend, Protocol: w.protocol, Number: n, Instances: len(w.members), Dying: w.dying}
	used := after.since(before)
	wave.StealPercent, wave.OthersPercent = 100*used.steal, 100*used.others
	wave.Disturbed = r.options.disturbed(used.wall.Seconds(), wave.StealPercent+wave.OthersPercent)
	wave.figure(&v, left)
	return wave, nil
}

// victims are the instances that end in a wave.
type victims struct {
	*crowd
	prefix string // of their IDs
	all    []Registered
	last   renewal // of all of them
}

// doom registers the victims, renews them once, and waits until they are about to end.
func (r *runner) doom(ctx context.Context, v *victims) (err error) {
	v.all, err = r.recruit(ctx, v.roster.Target, v.dying, func(i int) wire.Registration {
		return rawclient.Registration(crowdService(i), fmt.Sprintf("%s%06d", v.prefix, i), i, v.ttl)
	})
	if err != nil {
		return err
	}
	if v.last, err = v.roster.API.renew(ctx, v.all); err != nil {
		return err
	}
	return pause(ctx, time.Until(v.last.ended.Add(slices.Min(v.last.granted)-ahead)))
}

// errWrongLeave says that a watcher saw what should not have happened.
var errWrongLeave = errors.New("the watcher saw something else")

// leaving reads until n instances whose IDs begin with prefix have left by expiry, and
// gives when it saw each of them.
func (w *watcher) leaving(prefix string, n int) (map[string]time.Time, error) {
	seen := make(map[string]time.Time, n)
	for len(seen) < n {
		f, err := w.Next()
		if err != nil {
			return nil, fmt.Errorf("saw %d of %d leave: %w", len(seen), n, err)
		}
		switch f.Name {
		case wire.WatchPut:
			continue
		case wire.WatchDelete:
		default:
			return nil, fmt.Errorf("%w: %s", errWrongLeave, f.Name)
		}
		var gone wire.Deleted
		if err := json.Unmarshal(f.Data, &gone); err != nil {
			return nil, fmt.Errorf("read a delete event: %w", err)
		}
		if len(gone.InstanceID) < len(prefix) || gone.InstanceID[:len(prefix)] != prefix || gone.Reason != "expired" || !seen[gone.InstanceID].IsZero() {
			return nil, fmt.Errorf("%w: %s left: %s", errWrongLeave, gone.InstanceID, gone.Reason)
		}
		seen[gone.InstanceID] = time.Now()
	}
	return seen, nil
}

// figure fills in what is told by when each instance left.
func (w *Wave) figure(v *victims, left map[string]time.Time) {
	late, done := make([]float64, len(v.all)), &v.last
	for i, m := range v.all {
		at := left[m.ID]
		late[i] = millis(at.Sub(done.ended.Add(done.granted[i])))
		if at.Before(done.begun.Add(done.granted[i])) {
			w.Early++
		}
	}
	slices.Sort(late)
	w.WindowMillis = millis(done.ended.Sub(done.begun))
	w.P50Millis, w.P99Millis, w.MaxMillis = percentile(late, 50), percentile(late, 99), most(late)
}

// percentile gives the least value that p per cent of the sorted values do not exceed.
func percentile(sorted []float64, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (r *runner) tellWave(w *Wave) {
	note := ""
	if w.Disturbed {
		note = fmt.Sprintf("  disturbed: others %.0f %%, steal %.0f %%", w.OthersPercent, w.StealPercent)
	}
	if w.Early > 0 {
		note += fmt.Sprintf("  %d left TOO EARLY", w.Early)
	}
	r.progress.printf("%-6s  %-4s  %-21s  wave %d   p50 %.1f ms  p99 %.1f ms  max %.1f ms late%s\n",
		w.Backend, w.Protocol, caseEviction, w.Number, w.P50Millis, w.P99Millis, w.MaxMillis, note)
}
