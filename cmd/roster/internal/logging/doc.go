// Package logging makes the logger of the roster program: coloured lines on a terminal,
// JSON elsewhere.
//
// Whatever the caller passes, the logger guards what it writes. Attributes named like a
// secret (token, authorization, password, ...) are masked at any depth, and so is text
// that looks like a bearer token. This is the last line of defence: code that logs is
// still expected not to hand secrets over. Control characters never reach a terminal.
package logging
