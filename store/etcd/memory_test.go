package etcd

import (
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

func event(number uint64) store.Event {
	rec := &store.Record{Key: store.InstanceKey("user", "1"), Revision: store.Revision{Epoch: 1, Number: number}}
	return store.Event{Revision: rec.Revision, Record: rec}
}

// numbers gives the revisions in a log, oldest first.
func (l *log) numbers() []uint64 {
	var out []uint64
	for i := range l.len() {
		out = append(out, l.at(i).Revision.Number)
	}
	return out
}

func same(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestLogIsOverwritten(t *testing.T) {
	l := log{limit: 4, floor: 10}
	for n := uint64(11); n <= 17; n++ {
		l.append(event(n))
	}
	if got := l.numbers(); !same(got, []uint64{14, 15, 16, 17}) || l.floor != 13 {
		t.Errorf("the log holds %v above %d", got, l.floor)
	}
	for number, want := range map[uint64]int{13: 0, 14: 1, 16: 3, 17: 4, 99: 4} {
		if i, ok := l.after(number); !ok || i != want {
			t.Errorf("after %d comes place %d, %v, want %d", number, i, ok, want)
		}
	}
	for _, number := range []uint64{0, 10, 12} {
		if _, ok := l.after(number); ok {
			t.Errorf("the log says that it has all after %d", number)
		}
	}
}

func TestLogTakesThePast(t *testing.T) {
	for _, tt := range []struct {
		limit int
		past  []uint64
		want  []uint64
		floor uint64
	}{
		{10, []uint64{3, 5}, []uint64{3, 5, 11, 12}, 2},
		{10, nil, []uint64{11, 12}, 2},
		{3, []uint64{3, 5, 6}, []uint64{6, 11, 12}, 5},
		{4, []uint64{3, 5, 5, 5, 6}, []uint64{6, 11, 12}, 5}, // a revision stays whole
		{2, []uint64{3}, []uint64{11, 12}, 10},
		{1, []uint64{3}, []uint64{12}, 11},
	} {
		l := log{limit: tt.limit, floor: 10}
		l.append(event(11))
		l.append(event(12))
		var past []store.Event
		for _, n := range tt.past {
			past = append(past, event(n))
		}
		l.prepend(past, 2)
		if got := l.numbers(); !same(got, tt.want) || l.floor != tt.floor {
			t.Errorf("limit %d, past %v: the log holds %v above %d, want %v above %d", tt.limit, tt.past, got, l.floor, tt.want, tt.floor)
		}
	}
}

func stone(id string, generation, number uint64, code store.Code, at store.Millis) store.Tombstone {
	return store.Tombstone{
		Record:   &store.Record{Key: store.InstanceKey("user", id), Generation: generation},
		Reason:   store.Reason{Code: code},
		Revision: store.Revision{Epoch: 1, Number: number},
		Time:     at,
	}
}

func TestGravesAreBounded(t *testing.T) {
	g := graves{limit: 20}
	now := clock()
	for i := range uint64(30) {
		g.add(stone("1", i, i, store.Expired, now))
	}
	if got := g.of(store.InstanceKey("user", "1")); len(got) != store.TombstonesPerKey || got[0].Revision.Number != 30-store.TombstonesPerKey {
		t.Errorf("%d lives of one key, the oldest at %v", len(got), got[0].Revision)
	}
	for i := range uint64(100) {
		g.add(stone(string(rune('A'+i)), i, 100+i, store.Expired, now))
	}
	n := 0
	for _, stones := range g.byKey {
		n += len(stones)
	}
	if n > g.limit || len(g.line) > g.limit {
		t.Errorf("%d lives in a line of %d, the limit is %d", n, len(g.line), g.limit)
	}
	if !g.knows(store.InstanceKey("user", string(rune('A'+99)))) || g.knows(store.InstanceKey("user", "1")) {
		t.Error("not the newest are remembered")
	}
}

// The past is read after the present, and perhaps twice.
func TestGravesStayInOrder(t *testing.T) {
	g, key, now := graves{limit: 20}, store.InstanceKey("user", "1"), clock()
	for _, n := range []uint64{5, 9, 2, 7, 5, 2, 9} {
		g.add(stone("1", n, n, store.Expired, now))
	}
	var got []uint64
	for _, t := range g.of(key) {
		got = append(got, t.Revision.Number)
	}
	if !same(got, []uint64{2, 5, 7, 9}) {
		t.Errorf("lives in the order %v", got)
	}
	if !g.later(key, 8) || g.later(key, 9) {
		t.Error("later generations are not told from earlier ones")
	}
	g.add(stone("1", 9, 11, store.Forced, now))
	if !g.later(key, 9) {
		t.Error("a death that somebody meant is no reason to stay dead")
	}
	g.clear()
	if g.knows(key) || g.later(key, 1) {
		t.Error("something is left")
	}
}

func TestGravesForgetWhatIsOld(t *testing.T) {
	g, key := graves{limit: 20}, store.InstanceKey("user", "1")
	old := store.At(time.Now().Add(-store.TombstoneAge - time.Second))
	g.add(stone("1", 1, 1, store.Expired, old))
	if g.knows(key) || len(g.of(key)) != 0 || g.later(key, 0) {
		t.Error("a life is remembered for longer than tombstones are")
	}
}

func TestEndedLeasesAreBounded(t *testing.T) {
	var e ended
	e.add(0)
	for i := range store.LeaseID(endedLimit + 10) {
		e.add(i + 1)
		e.add(i + 1)
	}
	if len(e.has) != endedLimit || e.knows(0) || e.knows(10) || !e.knows(11) || !e.knows(endedLimit+10) {
		t.Errorf("%d leases are known", len(e.has))
	}
	e.clear()
	if e.knows(11) {
		t.Error("something is left")
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]bool{"3.4.30": true, "2.3.7": true, "3.5.0": false, "3.7.3": false, "4.0.0": false, "3.10": false, "": false, "x": false} {
		if got := older(version, oldest); got != want {
			t.Errorf("%q is too old: %v", version, got)
		}
	}
}
