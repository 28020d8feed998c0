package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// How long a live table points at what became different.
const (
	markTime = 5 * time.Second  // at what is new or changed
	goneTime = 10 * time.Second // at what left, which then goes from the table
	// maxGone is how many of those that left are kept at the most: when ten thousand go
	// at once, nobody reads them all.
	maxGone = 1000
)

// entry is a row of a live table.
type entry struct {
	in *wire.Instance
	// beat is the newest heartbeat that is known, in Unix milliseconds. Renewals are
	// told by no watch, so it is asked for.
	beat int64
	// mark is the sign of the last change, as watch prints it, or a space; at is its time.
	mark byte
	at   time.Time
	// what and more tell of one that left, see departure.
	what, more string
}

func (e *entry) gone() bool { return e.mark == '-' }

// roll is what a live table knows: who is there, and who left a moment ago. It is for one
// goroutine.
type roll struct {
	view view
	rows map[wire.InstanceRef]*entry
	// order is rows by service and ID; stale says that it has to be made anew.
	order []*entry
	stale bool
	lost  []*entry // those that left, oldest first
	tally tally
	// made counts how often order was made, so that what follows from it can be kept.
	made int
}

// tally counts what is there.
type tally struct{ services, instances, up int }

// apply takes an event in. It tells whether people could see a difference.
func (r *roll) apply(e client.Event, now time.Time) bool {
	if r.rows == nil {
		r.rows = make(map[wire.InstanceRef]*entry)
	}
	warm := r.view.warm
	changes := r.view.apply(e)
	for _, c := range changes {
		if c.sign == '-' {
			r.leave(c.in, e.Deleted, now)
			continue
		}
		row := r.set(c.in)
		if c.sign != '=' {
			row.mark, row.at = c.sign, now
		}
	}
	// What looks the same may have a newer heartbeat all the same.
	switch e.Type {
	case wire.WatchPut:
		r.set(e.Instance)
	case wire.WatchSnapshot:
		if e.Snapshot.Last {
			for _, in := range r.view.known {
				r.set(in)
			}
		}
	}
	if len(changes) > 0 {
		r.stale = true
	}
	return len(changes) > 0 || r.view.warm != warm
}

func (r *roll) set(in *wire.Instance) *entry {
	row := r.rows[refOf(in)]
	if row == nil || row.gone() {
		row = &entry{mark: ' '}
		r.rows[refOf(in)] = row
	}
	row.in, row.beat = in, max(row.beat, in.LastHeartbeat)
	return row
}

func (r *roll) leave(in *wire.Instance, d *wire.Deleted, now time.Time) {
	row := r.rows[refOf(in)]
	if row == nil {
		return
	}
	row.mark, row.at = '-', now
	row.what, row.more = departure(d, in)
	r.lost = append(r.lost, row)
	if len(r.lost) > maxGone {
		r.forget(1)
	}
}

// forget drops the oldest of those that left.
func (r *roll) forget(n int) {
	for _, row := range r.lost[:n] {
		if ref := refOf(row.in); r.rows[ref] == row { // it may have come back
			delete(r.rows, ref)
		}
	}
	r.lost = slices.Delete(r.lost, 0, n)
	r.stale = true
}

// age lets marks fade. It tells whether people could see it.
func (r *roll) age(now time.Time) bool {
	n := 0
	for n < len(r.lost) && now.Sub(r.lost[n].at) >= goneTime {
		n++
	}
	if n > 0 {
		r.forget(n)
	}
	return n > 0
}

// heard takes in a heartbeat that was asked for.
func (r *roll) heard(in *wire.Instance) {
	if row := r.rows[refOf(in)]; row != nil && !row.gone() {
		row.beat = max(row.beat, in.LastHeartbeat)
	}
}

// list gives the rows in order; the caller must not change them.
func (r *roll) list() []*entry {
	if !r.stale {
		return r.order
	}
	r.stale, r.made = false, r.made+1
	r.order, r.tally = r.order[:0], tally{}
	for _, row := range r.rows {
		r.order = append(r.order, row)
	}
	slices.SortFunc(r.order, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.in.ServiceName, b.in.ServiceName), cmp.Compare(a.in.InstanceID, b.in.InstanceID))
	})
	last := ""
	for _, row := range r.order {
		if row.gone() {
			continue
		}
		if row.in.ServiceName != last {
			last = row.in.ServiceName
			r.tally.services++
		}
		r.tally.instances++
		if row.in.State() == "up" {
			r.tally.up++
		}
	}
	return r.order
}

// departure says why an instance left: what happened, and what more there is to say of it.
// d is nil where nobody was told.
func departure(d *wire.Deleted, in *wire.Instance) (what, more string) {
	if d == nil {
		return "gone", ", while there was no connection"
	}
	switch d.Reason {
	case "expired":
		what = "expired"
		if in.TTL > 0 {
			more = ", silent for " + millis(in.TTL)
		}
	case "process_exited":
		what = "process exited"
		if in.PID != 0 {
			what = fmt.Sprintf("process %d exited", in.PID)
		}
	case "forced":
		what = "removed"
		if d.Actor == "" {
			more = " by an administrator"
		}
	case wire.Unmatched:
		what = "unmatched"
	default:
		what = strings.ReplaceAll(plain(d.Reason), "_", " ")
	}
	// On a laptop everything is done by the one identity "local".
	if d.Actor != "" && d.Actor != "local" && (d.Reason == "deregistered" || d.Reason == "forced") {
		more += " by " + plain(d.Actor)
	}
	// The note of a process's end says the same again.
	if d.Note != "" && d.Reason != "process_exited" {
		more += ": " + plain(d.Note)
	}
	return what, more
}

// farewell says in one line why and when an instance left.
func (e *entry) farewell(now time.Time) string {
	return e.what + " " + span(now.Sub(e.at)) + " ago" + e.more
}
