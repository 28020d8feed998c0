package api

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/wire"
)

// Guard says why a request may not be served at all: with the code misdirected or
// forbidden, and what the caller is told. An empty code lets it pass.
type Guard func(r *http.Request) (code, detail string)

// LoopbackGuard protects a plain HTTP listener on loopback from web pages that the user
// of the machine has open: the Host must be one of loopback's names with our port, which
// stops DNS rebinding (etcd CVE-2018-1098 and 1099), and an Origin, where there is one,
// must be our own.
func LoopbackGuard(port int) Guard {
	p := strconv.Itoa(port)
	hosts := []string{net.JoinHostPort("127.0.0.1", p), net.JoinHostPort("::1", p), net.JoinHostPort("localhost", p)}
	if port == 80 {
		hosts = append(hosts, "127.0.0.1", "[::1]", "localhost")
	}
	const otherOrigin = "this registry does not serve pages of other origins"
	return func(r *http.Request) (code, detail string) {
		if !slices.Contains(hosts, r.Host) {
			return wire.CodeMisdirected, "this registry is for this machine only: the Host must be " + hosts[0]
		}
		for _, origin := range r.Header["Origin"] {
			if u, err := url.Parse(origin); err != nil || u.Scheme != "http" || !slices.Contains(hosts, u.Host) {
				return wire.CodeForbidden, otherOrigin
			}
		}
		// Browsers say where a request comes from; a page elsewhere may not even read.
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "same-origin", "none":
			return "", ""
		}
		return wire.CodeForbidden, otherOrigin
	}
}

// guard puts the guard of the server before a route; refuse answers.
func (a *API) guard(refuse refusal) gin.HandlerFunc {
	return func(c *gin.Context) {
		if code, detail := a.opts.Guard(c.Request); code != "" {
			refuse(c, code, detail)
			return
		}
		c.Next()
	}
}
