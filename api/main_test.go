package api_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/internal/apicheck"
)

// coverage gathers what all tests of the package exercised of openapi.yaml.
var coverage apicheck.Coverage

func shared(t *testing.T) *apicheck.Checker { return coverage.New(t) }

// bad marks a request that openapi.yaml forbids: only its answer is checked.
func bad(r *http.Request) { *r = *r.WithContext(apicheck.Bad(r.Context())) }

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == ""
	if whole && code == 0 {
		if unseen := coverage.Unseen(); len(unseen) > 0 {
			fmt.Println("operations of openapi.yaml that no test has exercised:", unseen)
			code = 1
		}
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}
