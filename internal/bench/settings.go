package bench

import (
	"bytes"
	"context"
	"math"
	"strconv"
)

const unknown = "unknown"

// noLimit is what the Go runtime reports for GOMEMLIMIT when there is none.
const noLimit = math.MaxInt64

// fromMetrics takes the settings from the Go collector's metrics. A server that does
// not give them leaves "unknown": the measurement goes on.
func (s *Settings) fromMetrics(ctx context.Context, api *API) {
	defer api.HTTP.CloseIdleConnections()
	s.GOGC, s.GOMEMLIMIT, s.GOMAXPROCS = unknown, unknown, unknown
	text, err := api.get(ctx, "/metrics")
	if err != nil {
		return
	}
	s.set(gauge(text, "go_gc_gogc_percent"), gauge(text, "go_gc_gomemlimit_bytes"), gauge(text, "go_sched_gomaxprocs_threads"))
}

// set takes the three numbers as the runtime reports them and names the special ones.
func (s *Settings) set(gogc, limit, procs string) {
	s.GOGC, s.GOMEMLIMIT, s.GOMAXPROCS = number(gogc), number(limit), number(procs)
	if s.GOGC == "-1" || s.GOGC == strconv.FormatUint(math.MaxUint64, 10) {
		s.GOGC = "off"
	}
	if n, err := strconv.ParseFloat(s.GOMEMLIMIT, 64); err == nil && n >= noLimit {
		s.GOMEMLIMIT = "off"
	}
}

// number writes a number without an exponent, and anything else as unknown.
func number(s string) string {
	if _, err := strconv.ParseUint(s, 10, 64); err == nil {
		return s
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return unknown
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// gauge finds the value of a metric without labels in the Prometheus text format;
// empty if it is not there.
func gauge(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+" ")); ok {
			value, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
			return string(value)
		}
	}
	return ""
}
