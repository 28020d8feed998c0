// Package etcdtest runs real etcd servers for tests, as child processes that a test can
// kill, stop and restart.
//
// The server is built from the source that tools/etcd/go.mod names, once, and kept in the
// user's cache directory. Servers listen on free ports of 127.0.0.1, keep their data in
// a temporary folder of the test, and end with it, also when the test binary dies.
//
// Where the server cannot be built the test is skipped and says why; with CI set in the
// environment it fails instead.
package etcdtest
