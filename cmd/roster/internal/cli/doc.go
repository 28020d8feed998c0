// Package cli holds the commands of roster that are clients of a registry: they
// register, look up and follow instances, and end a local development registry.
//
// Data goes to standard output, everything that is said to people to standard error.
// The commands print no errors themselves: whoever runs them gives the error to
// [Report], and to [ExitCode] for the process's status.
package cli
