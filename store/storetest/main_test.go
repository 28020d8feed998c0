package storetest

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// Subtests in real time wait more than they work, so that many fit on few cores.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "32"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}
