package storetest

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/store"
)

// Harness tells the suite how to reach a backend and how patient to be with it. The
// zero value of every field but Open is usable.
type Harness struct {
	// Open gives a fresh, empty keyspace that no other call of it shares, on a backend
	// that keeps at least 10,000 events. It is called once a subtest, inside the subtest's
	// bubble if there is one.
	Open func(t *testing.T) Cluster
	// OpenShort is Open on a backend that keeps at most the given number of events for
	// Watch and History. Nil means that the bound cannot be set, and subtests that
	// overflow it are skipped.
	OpenShort func(t *testing.T, events int) Cluster

	// Synctest says that the backend does no I/O that waits for anything outside this
	// process, so that each subtest can run in a bubble of testing/synctest.
	Synctest bool
	// Parallel lets subtests run at once. Real time only passes once, so this is what
	// keeps a suite over a slow backend short.
	Parallel bool

	// MinTTL is the shortest TTL that the backend grants as asked, and the unit of all
	// short leases of the suite. Zero is ten seconds in a bubble, one second outside.
	MinTTL time.Duration
	// Slack is how early a thing may be outside a bubble, and how late it is expected, for the
	// sake of scheduling and the network. It must be well under MinTTL. Zero is a quarter of it.
	Slack time.Duration
	// Patience is how long the suite waits outside a bubble for a thing that must happen: a
	// machine may be busy with other things. Zero is 30 s.
	Patience time.Duration

	// SharedRevisions says that writes to other keyspaces move this one's revisions too,
	// as they do where one counter serves a whole server. That a call moves no revision
	// is then checked on records and events alone.
	SharedRevisions bool
	// Goroutines are what goleak should overlook at the end of a run in real time: those
	// of a server that runs inside the test process, for instance.
	Goroutines []goleak.Option
}

// Cluster is a keyspace and what can be done to it behind the back of its stores. A nil
// function is an ability that the harness does not have.
type Cluster struct {
	// Node opens one more store on the keyspace. A second is asked for while the first
	// is open only where Capabilities.Shared. Where all were closed before, it is a
	// restart of the registry, and the store holds what the backend kept.
	Node func(t *testing.T) store.Store

	// Compact makes the backend forget every change up to now, though no record.
	Compact func(t *testing.T)
	// LoseData makes the backend lose all that it holds while its stores are open.
	LoseData func(t *testing.T)
	// Checkpoint notes the state of the backend; rollback takes the backend back to it
	// while its stores are open, as the promotion of a stale replica does.
	Checkpoint func(t *testing.T) (rollback func())
	// Outage puts the backend out of reach of all its stores until end is called.
	Outage func(t *testing.T) (end func())
	// Stall lets d, a tenth of a second or so, pass on the clock of the leases before any
	// goroutine of the stores gets to run, so that what runs out in it has not been
	// announced. For backends that announce an expiry in the very instant of the deadline;
	// others have such a moment by nature.
	Stall func(t *testing.T, d time.Duration)
	// Pause stops the process that holds the stores for d, as SIGSTOP does: time goes
	// on, nothing in the process runs. Only for backends whose leases are their own.
	Pause func(t *testing.T, d time.Duration)
}

// withDefaults fills what the caller left zero.
func (h Harness) withDefaults() Harness {
	if h.MinTTL == 0 {
		h.MinTTL = time.Second
		if h.Synctest {
			h.MinTTL = 10 * time.Second
		}
	}
	if h.Slack == 0 {
		h.Slack = h.MinTTL / 4
	}
	if h.Synctest {
		h.Slack = 0
	}
	if h.Patience == 0 {
		h.Patience = 30 * time.Second
	}
	return h
}
