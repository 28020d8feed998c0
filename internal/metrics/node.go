package metrics

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/check/share"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/registry"
)

// Sources are what the metrics of a node are read from when they are asked for.
type Sources struct {
	Catalog  *catalog.Catalog
	Registry *registry.Registry
	Leases   func() int // nil where the backend keeps them
	Held     func() int // nil where the backend holds nothing itself
	// Breaker tells whether calls to the backend fail at once; nil: there is no breaker.
	Breaker func() bool
	// StateFile gives the length of the state file in bytes, and whether it cannot be written;
	// nil where there is none.
	StateFile func() (bytes int64, failing bool)
	// Audit is the audit log; nil where none is kept.
	Audit       *audit.Log
	Connections func() int // that are open on the API's listener
	Slowed      func() int // identities that are slowed down; nil where there are none
	// CertificateExpiry gives when the server's certificate runs out; nil without TLS.
	CertificateExpiry func() time.Time
	// Checks tells how the checks of instances stand; nil where this node does none.
	Checks func() share.Status
}

// topServices bounds the label service: the largest have a series of their own, the
// others share one.
const topServices = 100

// Follow adds what is read from a node.
func (m *Metrics) Follow(s Sources) {
	counter := func(name, help string, read func() uint64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(read()) }))
	}
	gauge := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
	}
	st := s.Registry.Stats()
	counter("roster_leases_granted_total", "Registrations, by which a lease was granted.", st.Granted.Load)
	counter("roster_leases_renewed_total", "Heartbeats that renewed a lease.", st.Renewed.Load)
	counter("roster_leases_lost_total", "Calls for an instance that is gone.", st.Lost.Load)
	counter("roster_tokens_rotated_total", "Tokens rotated.", st.Rotated.Load)
	counter("roster_tokens_refused_total", "Calls with a token that is not good, or no longer.", st.DeadTokens.Load)
	counter("roster_denied_total", "Calls that no rule allows.", st.Denied.Load)
	counter("roster_late_answers_total", "Writes that were answered before this node showed them.", st.Waits.Load)
	counter("roster_resolves_total", "Resolves.", st.Resolved.Load)
	counter("roster_resolves_degraded_total", "Of those, resolves of a service of which nearly all instances fail their checks.", st.Degraded.Load)
	counter("roster_catalog_events_total", "Changes that the catalog applied.", func() uint64 { return s.Catalog.Stats().Events })
	counter("roster_leases_expired_total", "Instances that left because their lease ran out.", func() uint64 { return s.Catalog.Stats().Expired })
	counter("roster_catalog_resyncs_total", "Times that the catalog had to list the store again.", func() uint64 { return s.Catalog.Stats().Resyncs })
	counter("roster_watchers_resynced_total", "Times that a watcher could not keep up and was told to resync.", func() uint64 { return s.Catalog.Stats().Lagged })
	gauge("roster_watchers", "Open watches and long polls.", func() float64 { return float64(s.Catalog.Stats().Subscribers) })
	gauge("roster_services", "Services with an instance.", func() float64 { return float64(s.Catalog.Stats().Services) })
	gauge("roster_services_degraded", "Services of which nearly all instances fail their checks, and are answered all the same.",
		func() float64 { return float64(s.Catalog.Stats().Degraded) })
	gauge("roster_catalog_age_seconds", "For how long what this node shows may have been out of date; 0 while it follows the backend.", func() float64 {
		age, _ := s.Catalog.Stale()
		return age.Seconds()
	})
	if s.Connections != nil {
		gauge("roster_connections", "Open connections of the API.", func() float64 { return float64(s.Connections()) })
	}
	if s.Slowed != nil {
		gauge("roster_identities_slowed", "Identities whose requests wait, because they take so much of the processor that others would.",
			func() float64 { return float64(s.Slowed()) })
	}
	if s.Leases != nil {
		gauge("roster_leases", "Leases that this node keeps.", func() float64 { return float64(s.Leases()) })
	}
	counter("roster_leases_resurrected_total", "Instances that the backend had lost, and that this node brought back.", st.Resurrected.Load)
	counter("roster_instances_restored_total", "Instances of which the backend had lost the latest form, and of which this node brought it back.", st.Restored.Load)
	counter("roster_leases_ended_early_total", "Leases that ended before the time that this node had been told.", func() uint64 { return s.Catalog.Stats().Early })
	gauge("roster_backend_breaker_open", "1 while calls to the backend fail at once, because it did not answer.", func() float64 {
		if s.Breaker != nil && s.Breaker() {
			return 1
		}
		return 0
	})
	if s.Checks != nil {
		m.registry.MustRegister(checking(s.Checks))
	}
	if s.StateFile != nil {
		gauge("roster_state_file_bytes", "Length of the state file.", func() float64 {
			bytes, _ := s.StateFile()
			return float64(bytes)
		})
		gauge("roster_state_file_failing", "1 while the state file cannot be written, so that a restart would forget the latest changes.", func() float64 {
			if _, failing := s.StateFile(); failing {
				return 1
			}
			return 0
		})
	}
	counter("roster_audit_events_total", "Events written to the audit log.", func() uint64 { return s.Audit.Stats().Written })
	counter("roster_audit_suppressed_total", "Denials that the audit log counted together, as one identity had too many.", func() uint64 { return s.Audit.Stats().Suppressed })
	counter("roster_audit_lost_total", "Events that could not be written to the audit log.", func() uint64 { return s.Audit.Stats().Lost })
	gauge("roster_audit_failing", "1 while the audit log cannot be written.", func() float64 {
		if s.Audit.Stats().Failing {
			return 1
		}
		return 0
	})
	held := holds{catalog: s.Catalog, backend: s.Held}
	gauge("roster_instances_held", "Instances kept past their deadline because of evidence against this node or its backend.", held.total)
	m.registry.MustRegister(held)
	if s.CertificateExpiry != nil {
		gauge("roster_tls_certificate_expiry_seconds", "When the server's certificate runs out, in Unix seconds.",
			func() float64 { return float64(s.CertificateExpiry().Unix()) })
	}
	m.registry.MustRegister(byService{s.Catalog})
}

var instances = prometheus.NewDesc("roster_instances",
	"Instances by service, for the largest services; the others are counted together under (other).", []string{"service"}, nil)

type byService struct{ catalog *catalog.Catalog }

func (byService) Describe(ch chan<- *prometheus.Desc) { ch <- instances }

func (b byService) Collect(ch chan<- prometheus.Metric) {
	shared, _, _ := b.catalog.Services()
	lines := slices.Clone(shared)
	slices.SortFunc(lines, func(a, b catalog.Summary) int {
		return cmp.Or(cmp.Compare(b.Instances, a.Instances), cmp.Compare(a.Name, b.Name))
	})
	rest := 0
	for i, line := range lines {
		if i >= topServices {
			rest += line.Instances
			continue
		}
		ch <- prometheus.MustNewConstMetric(instances, prometheus.GaugeValue, float64(line.Instances), line.Name)
	}
	if rest > 0 {
		ch <- prometheus.MustNewConstMetric(instances, prometheus.GaugeValue, float64(rest), "(other)")
	}
}
