// Package api serves the native HTTP API over the registry: routes, strict decoding,
// conditional reads, long polls and event streams. openapi.yaml describes it; requests and
// responses of its tests are checked against that file.
//
// It decides nothing: who may do what, and what is valid, is the registry's. Its own
// work is to be strict in what it reads and cheap in what it writes.
package api
