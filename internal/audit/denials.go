package audit

import (
	"container/list"
	"sync"
	"time"
)

// How many different denials are remembered: in all, and of one identity, so that one that
// tries much does not push the others out.
const (
	maxDenials  = 512
	maxOfCaller = 64
)

// Denial is a refusal, and how often it has been repeated.
type Denial struct {
	Event             // as it was the last time; Time is when
	First   time.Time // when it was first
	Repeats uint64    // how often in all, from 1
}

// Denials remembers the latest refusals. Its methods may be called concurrently. The zero
// Denials is empty.
type Denials struct {
	mu    sync.Mutex
	at    map[what]*remembered
	all   list.List             // of *remembered, the latest last
	of    map[string]*list.List // the same by identity
	total uint64
}

// what makes two denials the same.
type what struct {
	kind                                           Kind
	identity, from, action, service, instance, why string
}

type remembered struct {
	Denial
	what     what
	all, own *list.Element
}

// Add takes a denial. One like it that is remembered is counted up; the oldest, first of the
// same identity, makes room.
func (d *Denials) Add(e Event) {
	e = e.bounded(time.Now())
	key := what{e.Kind, e.Identity, e.From, e.Action, e.Service, e.Instance, e.Why + e.Rule.Text}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == nil {
		d.at, d.of = make(map[what]*remembered), make(map[string]*list.List)
	}
	d.total++
	if r := d.at[key]; r != nil {
		r.Event = e
		r.Repeats++
		d.all.MoveToBack(r.all)
		d.of[e.Identity].MoveToBack(r.own)
		return
	}
	if own := d.of[e.Identity]; own != nil && own.Len() >= maxOfCaller {
		d.forget(own.Front())
	}
	if d.all.Len() >= maxDenials {
		d.forget(d.all.Front())
	}
	own := d.of[e.Identity]
	if own == nil {
		own = list.New()
		d.of[e.Identity] = own
	}
	r := &remembered{Denial: Denial{Event: e, First: e.Time, Repeats: 1}, what: key}
	r.all, r.own = d.all.PushBack(r), own.PushBack(r)
	d.at[key] = r
}

// forget is called with the lock held.
func (d *Denials) forget(el *list.Element) {
	r := el.Value.(*remembered)
	own := d.of[r.what.identity]
	d.all.Remove(r.all)
	own.Remove(r.own)
	if own.Len() == 0 {
		delete(d.of, r.what.identity)
	}
	delete(d.at, r.what)
}

// List gives what is remembered, the latest last, and how many denials there were in all.
func (d *Denials) List() (list []Denial, total uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list = make([]Denial, 0, d.all.Len())
	for el := d.all.Front(); el != nil; el = el.Next() {
		list = append(list, el.Value.(*remembered).Denial)
	}
	return list, d.total
}
