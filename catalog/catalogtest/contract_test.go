package catalogtest_test

import (
	"testing"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/storetest"
)

// TestContract: where nothing is broken, tests with this backend test on the contract.
func TestContract(t *testing.T) {
	open := func(events int) storetest.Cluster {
		b := catalogtest.New(catalogtest.Options{Events: events})
		var nodes []*catalogtest.Node
		return storetest.Cluster{
			Node: func(*testing.T) store.Store {
				n := b.Node()
				nodes = append(nodes, n)
				return n
			},
			Compact:    func(*testing.T) { b.Compact() },
			LoseData:   func(*testing.T) { b.Lose() },
			Checkpoint: func(*testing.T) func() { return b.Save() },
			Outage: func(*testing.T) func() {
				for _, n := range nodes {
					n.Set(catalogtest.Down)
				}
				return func() {
					for _, n := range nodes {
						n.Set(catalogtest.Whole)
					}
				}
			},
		}
	}
	storetest.Run(t, storetest.Harness{
		Synctest:  true,
		Open:      func(*testing.T) storetest.Cluster { return open(0) },
		OpenShort: func(_ *testing.T, events int) storetest.Cluster { return open(events) },
	})
}
