package share

import (
	"sync"
	"time"

	"github.com/roster-sd/roster/store"
)

// When a node doubts itself. A node that is cut off learns it first from the instances that
// are checked most often: so a few seconds are looked at for themselves, in which those would
// reach their verdict, half a minute, in which most others are looked at too, and the latest
// results of all, of which some may be checked once an hour.
const (
	doubtFrom = 3 // so many at least have to fail
	near      = 3 * time.Second
	far       = 30 * time.Second
	calmFor   = 5 * time.Second // the doubt ends when there is no ground for it for so long
)

// doubt judges by the latest result of each instance whether this node can see at all. Its
// clock is the time since something in the past.
type doubt struct {
	mu      sync.Mutex
	latest  map[store.Key]result
	all     tally                           // of the latest results, whenever they came
	seconds [int(far/time.Second) + 2]tally // of the latest results, by when they came
	at      int64                           // the last second that they were brought to

	doubting bool
	since    time.Duration
	grounds  time.Duration // when there last was a ground
	ended    time.Duration
}

type result struct {
	second int64
	passed bool
}

type tally struct{ passed, failed int }

func newDoubt() *doubt { return &doubt{latest: map[store.Key]result{}} }

// note takes in the result of a check.
func (d *doubt) note(now time.Duration, key store.Key, passed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bring(now)
	d.drop(key)
	r := result{d.at, passed}
	d.latest[key] = r
	d.count(r, 1)
	d.all.add(passed, 1)
	d.judge(now)
}

// forget lets go of an instance: it left, or its failure is no evidence.
func (d *doubt) forget(key store.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(key)
	delete(d.latest, key)
}

// look tells whether this node doubts itself, since when, and if not when that was last over.
func (d *doubt) look(now time.Duration) (doubting bool, since, ended time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bring(now)
	d.judge(now)
	return d.doubting, d.since, d.ended
}

// failing gives how many of the instances checked in the last half minute fail, or of all where it is
// those that are the ground for a doubt.
func (d *doubt) failing(now time.Duration) (failed, all int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bring(now)
	t := d.within(far)
	if !t.doubtful() && d.all.doubtful() {
		t = d.all
	}
	return t.failed, t.failed + t.passed
}

// judge begins and ends the doubt. It needs the mutex, as does all that follows.
func (d *doubt) judge(now time.Duration) {
	if d.within(near).doubtful() || d.within(far).doubtful() || d.all.doubtful() {
		if !d.doubting {
			d.doubting, d.since = true, now
		}
		d.grounds = now
	} else if d.doubting && now-d.grounds >= calmFor {
		d.doubting, d.ended = false, now
	}
}

func (t tally) doubtful() bool { return t.failed >= doubtFrom && t.failed > t.passed }

// bring forgets the seconds that are too long ago.
func (d *doubt) bring(now time.Duration) {
	second := int64(now / time.Second)
	for n := int64(0); d.at < second; n++ {
		if d.at++; n > int64(len(d.seconds)) {
			d.at = second // all are empty
		}
		*d.second(d.at) = tally{}
	}
}

func (d *doubt) second(n int64) *tally { return &d.seconds[n%int64(len(d.seconds))] }

// drop takes the latest result of an instance out of what is counted.
func (d *doubt) drop(key store.Key) {
	r, ok := d.latest[key]
	if !ok {
		return
	}
	d.all.add(r.passed, -1)
	if r.second > d.at-int64(len(d.seconds)) {
		d.count(r, -1)
	}
}

func (d *doubt) count(r result, n int) { d.second(r.second).add(r.passed, n) }

func (t *tally) add(passed bool, n int) {
	if passed {
		t.passed += n
	} else {
		t.failed += n
	}
}

// within counts the results of the last seconds.
func (d *doubt) within(last time.Duration) (sum tally) {
	for n := d.at; n >= 0 && n >= d.at-int64(last/time.Second); n-- {
		sum.passed += d.second(n).passed
		sum.failed += d.second(n).failed
	}
	return sum
}
