// Package userdir says where the files of one user belong that Roster keeps between two
// starts: the state file of the local registry and its log.
package userdir
