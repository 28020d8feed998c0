package storetest

import (
	"os"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

// faultVariable names the fault of the naive store under test, for the runs that
// fault_test.go starts.
const faultVariable = "ROSTER_STORETEST_FAULT"

// The suite passes on a store that keeps the contract: one that serves several nodes and
// keeps everything, with every ability, ...
func TestShared(t *testing.T) {
	caps := store.Capabilities{
		Backend: "naive", Shared: true, Durable: true, Resumable: true,
		TTLResolution: time.Millisecond, ExpiryLag: 50 * time.Millisecond,
	}
	Run(t, Harness{
		Synctest: true,
		Open:     func(*testing.T) Cluster { return newNaive(os.Getenv(faultVariable), caps, 0).cluster() },
	})
}

// ... one that is alone and keeps nothing, ...
func TestAlone(t *testing.T) {
	caps := store.Capabilities{Backend: "naive", TTLResolution: time.Millisecond, ExpiryLag: 50 * time.Millisecond}
	open := func(_ *testing.T, events int) Cluster {
		return Cluster{Node: newNaive(os.Getenv(faultVariable), caps, events).cluster().Node}
	}
	Run(t, Harness{Synctest: true, Open: func(t *testing.T) Cluster { return open(t, 10_000) }, OpenShort: open})
}

// ... and one whose time is real.
func TestRealTime(t *testing.T) {
	caps := store.Capabilities{
		Backend: "naive", Shared: true, Durable: true, Resumable: true, NativeLease: true,
		TTLResolution: time.Millisecond, ExpiryLag: 50 * time.Millisecond,
	}
	Run(t, Harness{
		MinTTL: 1500 * time.Millisecond, Slack: 700 * time.Millisecond, Parallel: true, SharedRevisions: true,
		Open: func(*testing.T) Cluster { return newNaive("", caps, 0).cluster() },
	})
}
