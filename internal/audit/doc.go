// Package audit keeps what was decided about security: who was let do what, who was refused,
// and why. It has two forms of the same events: a [Log], a stream of JSON lines of its own for
// whoever has to prove later what happened, and [Denials], the latest refusals in memory for
// whoever looks for the reason of one now.
//
// Neither ever makes a request wait, and neither can be made to grow without end by those who
// are refused: see [Log.Write] and [Denials.Add].
package audit
