package machine

import "testing"

func TestSettingsFromMetrics(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want Settings
	}{
		"as the Go collector gives them": {"# HELP go_gc_gogc_percent x\n# TYPE go_gc_gogc_percent gauge\ngo_gc_gogc_percent 100\n" +
			"go_gc_gomemlimit_bytes 9.223372036854776e+18\ngo_sched_gomaxprocs_threads 2\n", Settings{GOGC: "100", GOMEMLIMIT: "off", GOMAXPROCS: "2"}},
		"set":             {"go_gc_gogc_percent 400\ngo_gc_gomemlimit_bytes 1.073741824e+09\ngo_sched_gomaxprocs_threads 1\n", Settings{GOGC: "400", GOMEMLIMIT: "1073741824", GOMAXPROCS: "1"}},
		"without GC":      {"go_gc_gogc_percent -1\n", Settings{GOGC: "off", GOMEMLIMIT: Unknown, GOMAXPROCS: Unknown}},
		"other metrics":   {"go_gc_gogc_percent_total 3\nxgo_gc_gogc_percent 4\n", Settings{GOGC: Unknown, GOMEMLIMIT: Unknown, GOMAXPROCS: Unknown}},
		"with timestamps": {"go_gc_gogc_percent 50 1700000000000\n", Settings{GOGC: "50", GOMEMLIMIT: Unknown, GOMAXPROCS: Unknown}},
	} {
		var got Settings
		got.Take([]byte(tc.text))
		if got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}
