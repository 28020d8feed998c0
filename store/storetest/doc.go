// Package storetest is the contract of [store.Store] as one executable suite. A backend
// that passes it keeps every promise written in the package store.
//
// # Use
//
// A backend calls [Run] from one test of its own:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			Synctest: true,
//			Open: func(*testing.T) storetest.Cluster {
//				return storetest.Cluster{Node: func(*testing.T) store.Store {
//					return memory.Open(memory.Options{})
//				}}
//			},
//		})
//	}
//
// A backend on a network leaves Synctest out, gives a keyspace of its own to each call
// of Open, and says how short its TTLs may be and how late its answers:
//
//	storetest.Run(t, storetest.Harness{
//		MinTTL: time.Second, Slack: 300 * time.Millisecond, Parallel: true,
//		Open: func(t *testing.T) storetest.Cluster {
//			prefix := fresh(t)
//			return storetest.Cluster{
//				Node:     func(t *testing.T) store.Store { return open(t, prefix) },
//				LoseData: func(t *testing.T) { flush(t, prefix) },
//			}
//		},
//	})
//
// The suite closes the stores that Node gave. What lies under them (a server, a folder)
// belongs to the harness, which cleans it up with t.Cleanup. Outside a bubble subtests
// mostly wait, so that with Parallel a run is shorter with -parallel 16 than with the
// number of processors.
//
// # Subtests
//
// Each promise is one subtest, topic/name: -run 'TestContract/renew/silent' runs one.
// A subtest that needs what the backend does not promise ([store.Capabilities]) or the
// harness cannot do (a nil function of [Cluster]) is skipped, and its output says what
// was missing. In real time, a subtest also gives up, and says so, where the machine was
// so busy that a lease ran out while it waited for something shorter.
//
// # Time
//
// With Harness.Synctest every subtest runs in a bubble of testing/synctest: time is
// fake, bounds are exact, and a goroutine left behind by Close fails the test at the
// end of the bubble. Without it time is real: a bound is widened by Harness.Slack, never
// dropped, waiting is polling up to Harness.Patience, and goroutines are counted by
// goleak when everything is over.
//
// A backend that reads more than the process's monotonic clock (the time since boot, for
// instance) must be opened with clocks that follow the bubble's.
//
// # Silence
//
// "No event" is proven by order rather than by waiting: the subtest writes one more
// record, a mark, and whatever a watcher gives before the mark is all that happened.
//
// # What the contract leaves open
//
// The suite takes the widest reading of a sentence that has several. A renewal of a
// record that expired may answer ErrLeaseLost or ErrNotFound, since tombstones of
// expiry are kept only as far as memory allows; of a record that somebody removed it is
// ErrLeaseLost for as long as the tombstone is remembered. Event.Before of a change may
// be nil; of a deletion it may not, for it is what names the record. Whether a zero lease
// renews is left to the backend, as long as it does what it says. What is ErrInvalid is
// not said anywhere, so that nothing here is invalid.
//
// # The suite itself
//
// It is tested on a naive store of some hundred lines, which passes, and which fails the
// subtest in question as soon as it breaks a promise: see fault_test.go for the list. Add
// the fault there when you add a subtest.
package storetest
