package api

import (
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/registry"
)

// What this surface refuses by itself, before or beside the use cases, is told here.

// auditCaller tells of a connection whose certificate is no longer good; id names the request.
func (a *API) auditCaller(r *http.Request, id string, who registry.Caller, err error) {
	a.reg.Audit(audit.Event{Kind: audit.CertificateRefused, Outcome: audit.Deny, Identity: who.Identity, From: hostOf(r), Request: id, Why: err.Error()})
}

// auditLimited tells of a caller that was told to wait.
func (a *API) auditLimited(c *gin.Context, detail string) {
	e := audit.Event{Kind: audit.RateLimited, Outcome: audit.Deny, From: host(c), Request: request(c).RequestID(), Why: detail}
	if who, err := a.opts.Identify(c.Request); err == nil {
		e.Identity, e.From = who.Identity, who.From
	}
	a.reg.Audit(e)
}

// auditOrigin tells of a request that the guard of a loopback listener did not let pass.
func (a *API) auditOrigin(c *gin.Context, code string) {
	a.reg.Audit(audit.Event{Kind: audit.OriginRefused, Outcome: audit.Deny, From: host(c), Request: request(c).RequestID(), Why: code})
}

// host gives the address of the other end of the connection, without its port.
func host(c *gin.Context) string { return hostOf(c.Request) }

func hostOf(r *http.Request) string {
	h, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return h
}
