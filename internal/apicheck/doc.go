// Package apicheck holds the HTTP API to its description. Tests send their requests
// through a [Checker]'s transport, which compares every request and every answer with
// api/openapi.yaml and reports what the file does not say: paths, parameters, statuses,
// media types, headers, fields, events of a stream.
//
// It reads the description more strictly than clients should. To a client an answer may
// grow; to a Checker a field that the file does not name is an error, so that the file
// cannot fall behind the code.
//
// Tests that send rubbish on purpose mark the request with [Bad], or with [Unchecked] where
// rubbish is taken. What was exercised is counted in a [Coverage], which several tests may
// share.
package apicheck
