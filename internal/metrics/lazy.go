package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// lazyObserver makes its series when it is first told something, so that what never
// happened has none.
type lazyObserver struct{ get func() prometheus.Observer }

func lazily(get func() prometheus.Observer) prometheus.Observer {
	return lazyObserver{sync.OnceValue(get)}
}

// Observe tells the series.
func (l lazyObserver) Observe(v float64) { l.get().Observe(v) }
