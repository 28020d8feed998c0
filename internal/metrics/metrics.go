// Package metrics shows the state of a node to Prometheus. It owns its registry: nothing
// is registered globally, so that several nodes can run in one process.
package metrics

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/roster-sd/roster/store"
)

// Metrics is the metrics of one node.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	calls    *prometheus.HistogramVec
	reloads  *prometheus.CounterVec
	pauses   prometheus.Counter
	refused  prometheus.Counter
	limited  *prometheus.CounterVec
	checks   [2]prometheus.Observer // that failed, that passed
	late     prometheus.Histogram
	ops      sync.Map // method of the store -> *callSeries
}

// seconds spans what is local (tens of microseconds) to what is stuck.
var seconds = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// New makes the metrics of a node of the given version.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roster_http_request_seconds", Buckets: seconds,
			Help: "Time to answer a request, by route and class of status. Long polls and streams count until they end.",
		}, []string{"method", "route", "status"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roster_store_call_seconds", Buckets: seconds,
			Help: "Time of a call to the backend, by method and outcome.",
		}, []string{"op", "outcome"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_tls_reloads_total", Help: "Reloads of certificates, CA bundle and CRL, by outcome.",
		}, []string{"outcome"}),
		pauses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roster_pauses_total", Help: "Times that this process or machine was found to have been paused or suspended.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roster_tls_handshakes_refused_total", Help: "Connections that were refused for their TLS, or for their client certificate.",
		}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_limited_total", Help: "Connections, requests, registrations and watches that ran into a limit, by which.",
		}, []string{"limit"}),
	}
	checks := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "roster_check_seconds", Buckets: seconds,
		Help: "Time of a check of an instance, by outcome.",
	}, []string{"outcome"})
	m.checks = [2]prometheus.Observer{lazily(func() prometheus.Observer { return checks.WithLabelValues("failed") }),
		lazily(func() prometheus.Observer { return checks.WithLabelValues("passed") })}
	m.late = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "roster_check_late_seconds", Buckets: seconds,
		Help: "How long after its time a check of an instance began.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "roster_build_info", Help: "1, with the version of the binary.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.calls, m.reloads, m.pauses, m.refused, m.limited, checks, m.late, build, stops{},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in the text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4})
}

// Instrument gives what is to be told of each request of a route. The series are found
// once, so that a request costs no look-up.
func (m *Metrics) Instrument(method, route string) func(status int, took time.Duration) {
	if route == "" {
		route = "unknown"
	}
	var class [6]prometheus.Observer
	for i, name := range [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		class[i] = lazily(func() prometheus.Observer { return m.requests.WithLabelValues(method, route, name) })
	}
	return func(status int, took time.Duration) {
		i := status / 100
		if i < 1 || i > 5 {
			i = 0
		}
		class[i].Observe(took.Seconds())
	}
}

// The outcomes of a call to the store.
const (
	ok = iota
	refused
	canceled
	unavailable
	failed
)

var outcomes = [...]string{ok: "ok", refused: "refused", canceled: "canceled", unavailable: "unavailable", failed: "error"}

// callSeries are the series of one method of the store.
type callSeries [len(outcomes)]prometheus.Observer

func (m *Metrics) series(op string) *callSeries {
	if s, ok := m.ops.Load(op); ok {
		return s.(*callSeries)
	}
	var fresh callSeries
	for i, name := range outcomes {
		fresh[i] = lazily(func() prometheus.Observer { return m.calls.WithLabelValues(op, name) })
	}
	s, _ := m.ops.LoadOrStore(op, &fresh)
	return s.(*callSeries)
}

// Call is told of each call to the store.
func (m *Metrics) Call(op string, took time.Duration, err error) {
	m.series(op)[outcome(err)].Observe(took.Seconds())
}

// outcome tells what became of a call. An error that is not of the store's making is the
// caller's own, of the function that it gave to Update: it says nothing against the backend.
func outcome(err error) int {
	var of *store.Error
	switch {
	case err == nil:
		return ok
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return unavailable
	case store.IsContext(err):
		return canceled
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrLeaseLost), errors.Is(err, store.ErrConflict),
		errors.Is(err, store.ErrCompacted), errors.Is(err, store.ErrInvalid),
		!errors.As(err, &of):
		return refused
	}
	return failed
}

// Reload is told of each reload of certificates.
func (m *Metrics) Reload(err error) {
	if err != nil {
		m.reloads.WithLabelValues("failed").Inc()
		return
	}
	m.reloads.WithLabelValues("ok").Inc()
}

// HandshakeRefused is told of each connection refused for its TLS or its certificate.
func (m *Metrics) HandshakeRefused() { m.refused.Inc() }

// Limited is told of each refusal for a limit, of which there are a few.
func (m *Metrics) Limited(limit string) { m.limited.WithLabelValues(limit).Inc() }

// Checked is told of each check of an instance: how it ended, how long it took, and how long
// after its time it began.
func (m *Metrics) Checked(err error, took, late time.Duration) {
	outcome := 0
	if err == nil {
		outcome = 1
	}
	m.checks[outcome].Observe(took.Seconds())
	m.late.Observe(late.Seconds())
}

// Pause is told of each pause of the process or the machine.
func (m *Metrics) Pause() { m.pauses.Inc() }
