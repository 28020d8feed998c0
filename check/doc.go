// Package check looks from outside whether instances can be reached.
//
// A [Prober] looks once: it connects to an instance's registered address and port, and to nothing
// else. A [Schedule] says when, and makes verdicts of what is seen. Who checks what, and what is
// written of it, is the business of the package share.
//
// # What is connected to
//
// Whoever may register decides what a check connects to, so a check must not reach what its
// owner could not. [Judge] knows the addresses that are never allowed. A name is resolved
// once, its addresses are judged, and what the system is about to connect to is judged again.
// Nothing follows a redirect or knows of a proxy; what a target says is read to 4 KiB and never
// told; errors are from a fixed list.
//
// # When
//
// Each target has its own time in a heap; a goroutine exists only while a check is under way,
// of which there are at most [ScheduleOptions].Workers. Intervals are jittered by a twentieth. Targets
// whose last check took long share half of the workers, so that those which hang make none late
// that answer. The checks of one address are kept apart, whatever names lead to it.
//
// Where the process did not run for a second or longer, what became due meanwhile is spread over
// its interval, and failures that the gap overlaps are thrown away.
package check
