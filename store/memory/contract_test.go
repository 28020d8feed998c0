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
		Open:      func(*testing.T) storetest.Cluster { return cluster(0) },
		OpenShort: func(_ *testing.T, events int) storetest.Cluster { return cluster(events) },
	})
}

func cluster(events int) storetest.Cluster {
	process := &stoppable{since: time.Now()}
	var opened []*memory.Store
	return storetest.Cluster{
		Node: func(*testing.T) store.Store {
			s := memory.Open(memory.Options{Clock: process.clock, LogEvents: events})
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
