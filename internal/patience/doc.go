// Package patience bounds how long connections may keep a server waiting, at the price of
// one look at all of them twice a second.
//
// An HTTP server sets up to six deadlines for a request, nearly all of which are moved
// again before they matter. With timers of the runtime that is a twentieth of the cost of a
// small request. Here a deadline is a number, and a watch that looks at the numbers ends
// what is overdue. Deadlines are kept to within [Tolerance], always late and never early.
package patience
