package server

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/internal/admit"
	"github.com/roster-sd/roster/registry"
)

// The identities of callers whose connection proves none.
const (
	localIdentity     = "local"     // roster dev: the user of this machine
	anonymousIdentity = "anonymous" // serve --insecure: anyone
)

// conn is what is known of a connection. A certificate is read once; that it is still
// good is asked for every request.
type conn struct {
	from     string
	admitted *admit.Conn
	identity atomic.Pointer[string]
}

var errNoCertificate = errors.New("no client certificate")

func (s *Server) identify(r *http.Request) (registry.Caller, error) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if c == nil {
		return registry.Caller{}, errors.New("connection unknown")
	}
	switch {
	case s.opts.Dev:
		return registry.Caller{Identity: localIdentity, From: c.from}, nil
	case s.material == nil:
		return registry.Caller{Identity: anonymousIdentity, Unverified: true, From: c.from}, nil
	case r.TLS == nil || len(r.TLS.PeerCertificates) == 0:
		return registry.Caller{}, errNoCertificate
	}
	if err := s.material.CheckConnection(r.TLS, time.Now()); err != nil {
		who := registry.Caller{From: c.from}
		if id := c.identity.Load(); id != nil {
			who.Identity = *id // that it no longer is: for the audit
		}
		return who, err
	}
	id := c.identity.Load()
	if id == nil {
		name, err := s.material.Identity(*r.TLS)
		if err != nil {
			return registry.Caller{}, err
		}
		id = &name
		c.identity.Store(id)
	}
	return registry.Caller{Identity: *id, From: c.from}, nil
}
