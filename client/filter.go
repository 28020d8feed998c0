package client

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/roster-sd/roster/wire"
)

// Filter chooses instances by equality; all that is given must hold. Empty members
// choose nothing out.
type Filter struct {
	Version, Env, Zone, Role string
	// Status is starting, up, draining or out_of_service.
	Status   string
	Tags     []string
	Metadata map[string]string
}

func (f Filter) add(q url.Values) {
	for key, value := range map[string]string{
		"version": f.Version, "env": f.Env, "zone": f.Zone, "role": f.Role, "status": f.Status,
	} {
		if value != "" {
			q.Set(key, value)
		}
	}
	for _, tag := range f.Tags {
		q.Add("tag", tag)
	}
	for key, value := range f.Metadata {
		q.Set("meta."+key, value)
	}
}

// ReadOptions say how to read.
type ReadOptions struct {
	// Consistent asks the backend instead of the node's view.
	Consistent bool
	// Freshness, if not nil, is filled in when the call succeeds.
	Freshness *Freshness
}

func (o ReadOptions) add(q url.Values) {
	if o.Consistent {
		q.Set("consistent", "true")
	}
}

// Freshness is how old an answer is.
type Freshness struct {
	// Revision is the position of the registry that the answer shows; opaque, for
	// comparison with other revisions only.
	Revision string
	// Stale: the registry cannot reach its backend and answers from what it last saw.
	Stale bool
	// Age is how old that is; 0 if not stale.
	Age time.Duration
	// Degraded, of a resolve: nearly all instances of the service fail their checks, and the
	// registry chose among those too.
	Degraded bool
}

func (f *Freshness) fill(h http.Header) {
	if f == nil {
		return
	}
	*f = Freshness{Revision: h.Get(wire.HeaderRevision), Stale: h.Get(wire.HeaderStale) == "true", Degraded: h.Get(wire.HeaderDegraded) == "true"}
	if ms, err := strconv.ParseInt(h.Get(wire.HeaderAge), 10, 32); err == nil && ms > 0 && f.Stale {
		f.Age = time.Duration(ms) * time.Millisecond
	}
}
