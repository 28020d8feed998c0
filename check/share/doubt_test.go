package share

import (
	"fmt"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// doubter is a doubt and its clock.
type doubter struct {
	*testing.T
	d   *doubt
	now time.Duration
}

func newDoubter(t *testing.T) *doubter { return &doubter{t, newDoubt(), time.Hour} }

// results takes in results of instances first to last-1, one after the other in a time.
func (x *doubter) results(first, last int, passed bool, within time.Duration) {
	for i := first; i < last; i++ {
		x.d.note(x.now, store.InstanceKey("a", fmt.Sprint(i)), passed)
		x.now += within / time.Duration(last-first)
	}
}

func (x *doubter) is(want bool, when string) {
	x.Helper()
	if got, _, _ := x.d.look(x.now); got != want {
		failed, all := x.d.failing(x.now)
		x.Errorf("%s: doubting %v, with %d of %d failing", when, got, failed, all)
	}
}

func TestDoubt(t *testing.T) {
	x := newDoubter(t)
	x.is(false, "at first")
	x.results(0, 100, true, 10*time.Second)
	x.results(0, 50, false, 5*time.Second)
	x.is(true, "when all of the last five seconds fail, of those that are checked every ten")
	x.results(50, 100, false, 5*time.Second)
	x.is(true, "when all fail")
	if failed, all := x.d.failing(x.now); failed != 100 || all != 100 {
		t.Errorf("%d of %d fail", failed, all)
	}
	x.results(0, 100, true, 10*time.Second)
	if _, since, _ := x.d.look(x.now); since < time.Hour+10*time.Second || since > time.Hour+14*time.Second {
		t.Errorf("it doubts since %v", since)
	}
	x.now += calmFor
	x.is(false, "when all pass again")
	if _, _, ended := x.d.look(x.now); ended > x.now || ended < x.now-calmFor-10*time.Second {
		t.Errorf("it ended at %v, now is %v", ended, x.now)
	}
}

// TestDoubtNeedsThree: one or two that fail say nothing against the node.
func TestDoubtNeedsThree(t *testing.T) {
	x := newDoubter(t)
	for range 20 {
		x.results(0, 2, false, time.Second)
		x.is(false, "two of two fail")
	}
	x.results(2, 3, false, time.Second)
	x.is(true, "three of three fail")
}

// TestDoubtNeedsMoreThanHalf: half of the instances may fail, as when one of two zones does.
func TestDoubtNeedsMoreThanHalf(t *testing.T) {
	x := newDoubter(t)
	for range 10 {
		for i := range 10 { // one that passes, one that fails
			x.results(i, i+1, true, 500*time.Millisecond)
			x.results(10+i, 11+i, false, 500*time.Millisecond)
			x.is(false, "half fail")
		}
	}
	x.results(0, 1, false, 0)
	x.is(true, "eleven of twenty fail")
	x.results(0, 1, true, 0)
	x.is(true, "and again only ten: a doubt does not end in a moment")
	x.now += calmFor
	x.is(false, "ten of twenty, for a while")
}

// TestDoubtOfTheFast: those that are checked every second reach their verdict before most
// others have been looked at again; by then the last seconds say enough.
func TestDoubtOfTheFast(t *testing.T) {
	x := newDoubter(t)
	x.results(100, 200, true, 10*time.Second)
	for i := range 4 { // each second one of the fast fails, and ten of the hundred others
		x.results(0, 1, false, 0)
		x.results(100+10*i, 110+10*i, false, time.Second)
	}
	x.is(true, "after four seconds")
}

// TestDoubtOfTheSeldom: of those that are checked every ten minutes, hardly any are looked at in half
// a minute. What was found last of each counts until it is looked at again.
func TestDoubtOfTheSeldom(t *testing.T) {
	x := newDoubter(t)
	x.results(0, 10, true, 10*time.Minute)
	x.results(0, 5, false, 5*time.Minute)
	x.is(false, "half fail")
	x.results(5, 6, false, time.Minute)
	x.is(true, "six of ten fail")
	x.now += time.Minute
	x.is(true, "nothing was looked at meanwhile")
	if failed, all := x.d.failing(x.now); failed != 6 || all != 10 {
		t.Errorf("%d of %d fail", failed, all)
	}
	x.results(0, 1, true, calmFor)
	x.is(false, "five pass again")
}

// TestDoubtForgets: what left is counted no more, nor what was checked long ago.
func TestDoubtForgets(t *testing.T) {
	x := newDoubter(t)
	x.results(0, 10, false, time.Second)
	x.is(true, "all fail")
	for i := range 8 {
		x.d.forget(store.InstanceKey("a", fmt.Sprint(i)))
		x.d.forget(store.InstanceKey("a", fmt.Sprint(i)))
	}
	x.now += calmFor
	x.is(false, "all but two of them left")
	if failed, all := x.d.failing(x.now); failed != 2 || all != 2 || len(x.d.latest) != 2 {
		t.Errorf("%d of %d fail, %d are known", failed, all, len(x.d.latest))
	}
	x.now += far + 2*time.Second
	if failed, all := x.d.failing(x.now); failed != 0 || all != 0 {
		t.Errorf("after a while %d of %d fail", failed, all)
	}
	x.results(8, 10, true, 0) // the old results of these are counted no more
	x.now += 1000 * time.Hour
	x.results(0, 4, true, 0)
	if failed, all := x.d.failing(x.now); failed != 0 || all != 4 {
		t.Errorf("at the end %d of %d fail", failed, all)
	}
}

// TestDoubtCounts: the sums are those of the latest results, whatever came before.
func TestDoubtCounts(t *testing.T) {
	x := newDoubter(t)
	type latest struct {
		at     time.Duration
		passed bool
	}
	want := map[int]latest{}
	seed := uint64(1)
	for range 20_000 {
		seed = mix(seed + 1)
		id, passed := int(seed%50), seed>>20%3 > 0
		x.now += time.Duration(seed>>40%400) * time.Millisecond
		if seed>>30%17 == 0 {
			x.d.forget(store.InstanceKey("a", fmt.Sprint(id)))
			delete(want, id)
			continue
		}
		x.d.note(x.now, store.InstanceKey("a", fmt.Sprint(id)), passed)
		want[id] = latest{x.now, passed}
		failed, all := 0, 0
		var ever tally
		for _, l := range want {
			if ever.add(l.passed, 1); x.now/time.Second-l.at/time.Second <= far/time.Second {
				all++
				if !l.passed {
					failed++
				}
			}
		}
		if ever.doubtful() && !(tally{all - failed, failed}).doubtful() {
			failed, all = ever.failed, ever.failed+ever.passed
		}
		if f, a := x.d.failing(x.now); f != failed || a != all {
			t.Fatalf("%d of %d fail, want %d of %d", f, a, failed, all)
		}
	}
}
