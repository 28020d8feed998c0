package lease_test

import (
	"fmt"
	"time"

	"github.com/roster-sd/roster/lease"
)

// An owner takes what is due, looks when the next may be, and pulses in between. The
// clock is the example's own; without one, a table takes the process's.
func ExampleTable() {
	var clock time.Duration
	table := lease.NewTable(lease.Options{Clock: func() time.Duration { return clock }})
	pass := func(d time.Duration) {
		for ; d > 0; d -= lease.PulseEvery {
			clock += lease.PulseEvery
			table.Pulse()
		}
	}

	renewed, silent := table.Grant(2*time.Second), table.Grant(2*time.Second)
	pass(time.Second)
	table.Renew(renewed)
	pass(time.Second)
	for _, e := range table.Due(100, nil) {
		fmt.Println("over:", e.ID == silent)
	}
	wait, _ := table.Next()
	fmt.Println("next in", wait)

	clock += time.Hour // the process is stopped, and nobody can renew
	left, _ := table.Remaining(renewed)
	fmt.Println("left after an hour's stop:", left)
	// Output:
	// over: true
	// next in 1s
	// left after an hour's stop: 2s
}

func ExamplePolicy_Grant() {
	ttl, _ := lease.DefaultPolicy.Grant(500*time.Millisecond, true)
	fmt.Println(ttl)
	_, err := lease.DefaultPolicy.Grant(2*time.Hour, true)
	fmt.Println(err)
	// Output:
	// 2s
	// ttl must be at most 1h0m0s, not 2h0m0s
}
