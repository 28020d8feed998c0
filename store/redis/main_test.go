package redis

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/internal/redistest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Tests of this package mostly wait: more of them than there are processors run at once,
	// unless somebody said how many.
	if !given("test.parallel") {
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err)
		}
	}
	if given("test.bench") {
		main := redistest.Main{M: m}
		os.Exit(main.Run())
	}
	goleak.VerifyTestMain(redistest.Main{M: m})
}

func given(name string) (is bool) {
	flag.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}
