package redistest

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

var shared struct {
	sync.Mutex
	server *Server
	folder string
}

var prefixes atomic.Int64

// Shared gives the one server that all tests of the binary may share, each under a prefix of
// its own. Nobody may kill it, pause it or flush it. TestMain must call StopShared, or use Main.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		folder, err := os.MkdirTemp("", "redistest")
		if err != nil {
			tb.Fatal(err)
		}
		s := newServer(tb, Options{}, folder)
		s.start()
		shared.server, shared.folder = s, folder
	}
	own := *shared.server // what goes wrong with it is this test's fault
	own.tb = tb
	return &own
}

// Prefix gives a prefix that no other test of the binary has.
func Prefix() string { return fmt.Sprintf("test-%d", prefixes.Add(1)) }

// StopShared ends the shared server, if there is one.
func StopShared() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return
	}
	shared.server.Kill()
	_ = os.RemoveAll(shared.folder) // a folder of temporary files
	shared.server = nil
}

// Main runs tests and then ends the shared server. It is what a TestMain gives to goleak,
// which looks for goroutines afterwards.
type Main struct{ M *testing.M }

// Run runs the tests.
func (m Main) Run() int {
	defer StopShared()
	return m.M.Run()
}
