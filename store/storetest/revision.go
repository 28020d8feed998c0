package storetest

import (
	"github.com/roster-sd/roster/store"
)

var revisionSpecs = []spec{
	{name: "revision/text-and-back", prove: revisionText},
	{name: "revision/one-epoch", prove: revisionEpoch},
}

// The wire form of every revision that a store gives reads back as the same position,
// and one can watch from it.
func revisionText(e *env) {
	rec := e.put(store.InstanceKey("user", "1"), lasting)
	snap := e.list(store.Selector{})
	gone := e.deregister(rec.Ref(), because(store.Deregistered))
	for _, rev := range []store.Revision{rec.Revision, snap.Revision, gone, {Epoch: rec.Revision.Epoch, Number: rec.Changed}} {
		back, err := store.ParseRevision(rev.String())
		if err != nil || back != rev {
			e.t.Errorf("%v reads back as %v, %v", rev, back, err)
		}
		e.follow(e.s, store.Selector{}, back).close()
	}
}

// Everything that one store gives is of one epoch, which is not zero.
func revisionEpoch(e *env) {
	epoch := e.list(store.Selector{}).Revision.Epoch
	if epoch == 0 {
		e.t.Fatal("the epoch is zero")
	}
	if err := e.churn(e.s, 1, 30, nil); err != nil {
		e.t.Fatal(err)
	}
	for _, ev := range e.history(store.Selector{}, 100) {
		if ev.Revision.Epoch != epoch {
			e.t.Errorf("an event at %v in the epoch %d", ev.Revision, epoch)
		}
	}
	for _, rec := range e.list(store.Selector{}).Records {
		if rec.Revision.Epoch != epoch {
			e.t.Errorf("a record at %v in the epoch %d", rec.Revision, epoch)
		}
	}
}
