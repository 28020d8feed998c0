// Package redistest runs real Redis servers for tests: each a process of its own, on a free
// port of 127.0.0.1, with its data in a folder of the test's. A server ends with the test that
// started it, and also if the test's process dies.
//
// Where no redis-server is installed, tests that want one are skipped, and say so; where the
// environment variable CI is set, they fail.
package redistest
