package machine

import (
	"bytes"
	"math"
	"strconv"
)

// Unknown stands for a setting that the server does not tell.
const Unknown = "unknown"

// Settings is how a server's Go runtime is set, in the words of its environment
// variables; "unknown" where the server does not tell.
type Settings struct {
	Server     string `json:"server"`
	Backend    string `json:"backend,omitempty"`
	Protocol   string `json:"protocol"`
	GOGC       string `json:"gogc"`
	GOMEMLIMIT string `json:"gomemlimit"`
	GOMAXPROCS string `json:"gomaxprocs"`
}

// noLimit is what the Go runtime reports for GOMEMLIMIT when there is none.
const noLimit = math.MaxInt64

// Take takes the settings from the Go collector's metrics, in the text format. What they do
// not give is left "unknown".
func (s *Settings) Take(text []byte) {
	s.Set(Gauge(text, "go_gc_gogc_percent"), Gauge(text, "go_gc_gomemlimit_bytes"), Gauge(text, "go_sched_gomaxprocs_threads"))
}

// Set takes the three numbers as the runtime reports them and names the special ones.
func (s *Settings) Set(gogc, limit, procs string) {
	s.GOGC, s.GOMEMLIMIT, s.GOMAXPROCS = number(gogc), number(limit), number(procs)
	if s.GOGC == "-1" || s.GOGC == strconv.FormatUint(math.MaxUint64, 10) {
		s.GOGC = "off"
	}
	if n, err := strconv.ParseFloat(s.GOMEMLIMIT, 64); err == nil && n >= noLimit {
		s.GOMEMLIMIT = "off"
	}
}

// number writes a number without an exponent, and anything else as Unknown.
func number(s string) string {
	if _, err := strconv.ParseUint(s, 10, 64); err == nil {
		return s
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Unknown
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// Gauge finds the value of a metric without labels in the Prometheus text format;
// empty if it is not there.
func Gauge(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+" ")); ok {
			value, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
			return string(value)
		}
	}
	return ""
}
