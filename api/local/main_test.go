package local_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/internal/apicheck"
)

// coverage gathers what all tests of the package exercised of openapi.yaml.
var coverage apicheck.Coverage

// bad marks a request that openapi.yaml forbids: only its answer is checked.
func bad(r *http.Request) { *r = *r.WithContext(apicheck.Bad(r.Context())) }

// unchecked marks a request that openapi.yaml does not invite to, and the surface takes.
func unchecked(r *http.Request) { *r = *r.WithContext(apicheck.Unchecked(r.Context())) }

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == ""
	if whole && code == 0 {
		for _, e := range coverage.Missing() {
			// The native surface has tests of its own, in its own package.
			if strings.HasPrefix(e.Operation, "local") {
				fmt.Println("openapi.yaml promises what no test has seen:", e)
				code = 1
			}
		}
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}
