// Package catalogtest is a shared backend in memory with the faults that a test chooses: out
// of reach for one node or for all, stopped, emptied, taken back to an earlier state, its
// leases ended early. What it does where it is well is proven by storetest.Run; it runs in
// fake time.
package catalogtest
