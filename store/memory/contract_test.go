package memory_test

import (
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
	"github.com/roster-sd/roster/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Synctest:  true,
		Open:      func(*testing.T) storetest.Cluster { return cluster(0, "") },
		OpenShort: func(_ *testing.T, events int) storetest.Cluster { return cluster(events, "") },
	})
}

// With a state file the same holds, and what is promised of a backend that is Durable.
func TestContractWithAStateFile(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Synctest:  true,
		Open:      func(t *testing.T) storetest.Cluster { return cluster(0, t.TempDir()+"/state") },
		OpenShort: func(t *testing.T, events int) storetest.Cluster { return cluster(events, t.TempDir()+"/state") },
	})
}

// cluster is a store that keeps what it holds in a file, empty for none.
func cluster(events int, file string) storetest.Cluster {
	process := &stoppable{since: time.Now()}
	var opened []*memory.Store
	return storetest.Cluster{
		Node: func(t *testing.T) store.Store {
			opts := memory.Options{Clock: process.clock, LogEvents: events}
			if file != "" {
				var err error
				if opts.State, err = memory.OpenState(file, nil); err != nil {
					t.Fatal(err)
				}
			}
			s := memory.Open(opts)
			opened = append(opened, s)
			return s
		},
		Compact: func(*testing.T) {
			for _, s := range opened {
				s.Compact()
			}
		},
		Pause: func(_ *testing.T, d time.Duration) { process.stop(d) },
		Stall: func(_ *testing.T, d time.Duration) { process.skip(d) },
	}
}
