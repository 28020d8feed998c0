// Package devstart gives this user's local registry, and starts it where none runs.
//
// Three steps build on one another. [Find] reads the discovery file and asks the process
// that it names. [Ensure], for programs that are clients, runs "roster dev --if-needed
// --detach" where Find finds nothing. [Detach] is what that command does: it starts a
// registry in a session of its own and waits until it answers.
//
// However many do this at one instant, in one process or in many, there is one registry in
// the end: the lock of [devfile.Acquire] decides, and whoever lost it waits for the winner.
package devstart
