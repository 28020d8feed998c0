package cli

import (
	"fmt"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// picture gives the rows as mark and ID.
func (r *roll) picture() string {
	s := ""
	for _, e := range r.list() {
		s += fmt.Sprintf(" %c%s", e.mark, e.in.InstanceID)
	}
	return s
}

func TestRollKeepsThoseThatLeft(t *testing.T) {
	var r roll
	step := func(e client.Event, after time.Duration, want string) {
		t.Helper()
		r.age(clock().Add(after))
		r.apply(e, clock().Add(after))
		if got := r.picture(); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
	in := func(id string) wire.Instance { return member("web", id, time.Hour, 0) }
	step(snapshot(in("b"), in("a")), 0, "  a  b")
	step(put(in("c")), 0, "  a  b +c")
	step(removal("web", "a", "deregistered"), time.Second, " -a  b +c")
	step(removal("web", "a", "deregistered"), time.Second, " -a  b +c") // told twice
	step(removal("web", "never", "expired"), time.Second, " -a  b +c")
	step(put(in("a")), 2*time.Second, " +a  b +c") // and back again
	step(removal("web", "b", "expired"), 3*time.Second, " +a -b +c")
	step(put(in("a")), 12*time.Second, " +a -b +c") // the first departure of a is forgotten, a is not
	step(put(in("a")), 13*time.Second, " +a +c")
	// Who is missing after a connection was lost left in the meantime.
	step(snapshot(in("a"), in("d")), 14*time.Second, " +a -c +d")
	if got := r.rows[wire.InstanceRef{ServiceName: "web", InstanceID: "c"}].farewell(clock().Add(15 * time.Second)); got != "gone 1s ago, while there was no connection" {
		t.Error(got)
	}
	if r.list(); r.tally != (tally{services: 1, instances: 2, up: 2}) {
		t.Errorf("%+v", r.tally)
	}
}

// When everything goes at once, what is kept of it is bounded.
func TestRollForgetsMasses(t *testing.T) {
	var r roll
	const n = 10_000
	list := make([]wire.Instance, n)
	for i := range list {
		list[i] = member("web", fmt.Sprintf("w-%05d", i), 0, 0)
	}
	r.apply(snapshot(list...), clock())
	r.apply(snapshot(), clock())
	if len(r.list()) != maxGone || len(r.rows) != maxGone || len(r.lost) != maxGone || r.tally.instances != 0 {
		t.Errorf("%d rows, %d of them lost, %+v", len(r.rows), len(r.lost), r.tally)
	}
	if r.age(clock().Add(goneTime)); len(r.list()) != 0 || len(r.rows) != 0 {
		t.Errorf("%d rows are left", len(r.rows))
	}
}

// A put that looks the same may carry a newer heartbeat; an older answer does not turn it back.
func TestRollHeartbeats(t *testing.T) {
	var r roll
	r.apply(snapshot(member("web", "a", time.Hour, time.Minute)), clock())
	row := r.list()[0]
	for _, c := range []struct {
		in   wire.Instance
		heed func(*wire.Instance)
		want time.Duration
	}{
		{member("web", "a", time.Hour, 30*time.Second), func(in *wire.Instance) { r.apply(put(*in), clock()) }, 30 * time.Second},
		{member("web", "a", time.Hour, 5*time.Second), r.heard, 5 * time.Second},
		{member("web", "a", time.Hour, 40*time.Second), r.heard, 5 * time.Second},
		{member("web", "unknown", time.Hour, 0), r.heard, 5 * time.Second},
	} {
		if c.heed(&c.in); row.beat != noon-c.want.Milliseconds() {
			t.Errorf("heard of %d ms ago, want %s", noon-row.beat, c.want)
		}
	}
}

func TestDepartures(t *testing.T) {
	in := member("web", "a", time.Hour, 0, func(in *wire.Instance) { in.PID = 7 })
	for _, c := range []struct {
		d    *wire.Deleted
		want string
	}{
		{nil, "gone|, while there was no connection"},
		{&wire.Deleted{Reason: "expired", Node: "n1"}, "expired|, silent for 30s"},
		{&wire.Deleted{Reason: "process_exited", Note: "process 7 has ended"}, "process 7 exited|"},
		{&wire.Deleted{Reason: "deregistered", Actor: "local"}, "deregistered|"},
		{&wire.Deleted{Reason: "deregistered", Actor: "spiffe://example.org/web", Note: "scale down"}, "deregistered| by spiffe://example.org/web: scale down"},
		{&wire.Deleted{Reason: "forced"}, "removed| by an administrator"},
		{&wire.Deleted{Reason: wire.Unmatched}, "unmatched|"},
		{&wire.Deleted{Reason: "some\x1bthing_new", Note: "\r\n"}, `some\x1bthing new|: \r\n`},
	} {
		if what, more := departure(c.d, &in); what+"|"+more != c.want {
			t.Errorf("%+v: %q, want %q", c.d, what+"|"+more, c.want)
		}
	}
}
