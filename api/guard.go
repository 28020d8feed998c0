package api

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/wire"
)

// Guard says why a request may not be served at all: with the code misdirected or
// forbidden, and what the caller is told. An empty code lets it pass.
type Guard func(r *http.Request) (code, detail string)

// AnyPort is the port of a loopback listener that may be reached through forwarded ports.
const AnyPort = -1

// LoopbackGuard protects a plain HTTP listener on loopback from web pages that the user
// of the machine has open: the Host must be one of loopback's names with our port, which
// stops DNS rebinding (etcd CVE-2018-1098 and 1099), and an Origin, where there is one,
// must be our own.
func LoopbackGuard(port int) Guard {
	own := func(host string) bool {
		name, p, err := net.SplitHostPort(host)
		if err != nil {
			name, p = strings.Trim(host, "[]"), "80"
		}
		return slices.Contains(loopbackNames, name) && (port == AnyPort || p == strconv.Itoa(port))
	}
	usual := net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) // found without being taken apart
	misdirected := "this registry is for this machine only: the Host must be 127.0.0.1"
	if port != AnyPort {
		misdirected += ":" + strconv.Itoa(port)
	}
	return func(r *http.Request) (code, detail string) {
		if r.Host != usual && !own(r.Host) {
			return wire.CodeMisdirected, misdirected
		}
		for _, origin := range r.Header["Origin"] {
			if u, err := url.Parse(origin); err != nil || u.Scheme != "http" || !own(u.Host) || port == AnyPort && u.Host != r.Host {
				return wire.CodeForbidden, otherOrigin
			}
		}
		// Browsers say where a request comes from; a page elsewhere may not even read.
		for _, site := range r.Header["Sec-Fetch-Site"] {
			if site != "" && site != "same-origin" && site != "none" {
				return wire.CodeForbidden, otherOrigin
			}
		}
		return "", ""
	}
}

var loopbackNames = []string{"127.0.0.1", "::1", "localhost"}

const otherOrigin = "this registry does not serve pages of other origins"

// guard puts the guard of the server before a route; refuse answers.
func (a *API) guard(refuse refusal) gin.HandlerFunc {
	return func(c *gin.Context) {
		if code, detail := a.opts.Guard(c.Request); code != "" {
			a.auditOrigin(c, code)
			refuse(c, code, detail)
			return
		}
		c.Next()
	}
}
