//go:build unix

package e2e

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

// long asks for more of everything.
var long = os.Getenv("ROSTER_E2E") == "long"

func TestMain(m *testing.M) {
	flag.Parse()
	// Scenarios wait most of the time. In short, several run at once, more than there are
	// processors; the figures of a long run are taken with nothing beside it.
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		n := "4"
		if long {
			n = "1"
		}
		if err := f.Value.Set(n); err != nil {
			panic(err) // a flag of the standard library
		}
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "roster-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared = dir
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "FAIL:", err)
			code = 1
		}
	}
	return code
}

// shared is a folder for what all tests of a run use: binaries and certificates.
var shared string
