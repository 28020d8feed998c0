package api

import (
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/wire"
)

// refusal answers a request that no handler serves, with the status of a code, and ends it.
type refusal func(c *gin.Context, code, detail string)

func (a *API) refuse(c *gin.Context, code, detail string) {
	a.fail(c, &problem{code: code, detail: detail})
}

func (s *Surface) refuse(c *gin.Context, code, detail string) { s.Refuse(c, statuses[code], detail) }

// strays answers the requests that no route takes. Those near to a route of the other
// surface, with another method or a longer path, are answered in its shape: they come
// from its clients.
func (a *API) strays() {
	theirs := make(map[string]bool) // the first parts of its paths
	for _, r := range a.engine.Routes() {
		theirs[firstPart(r.Path)] = true
	}
	for _, r := range a.Routes() {
		delete(theirs, firstPart(r.Path))
	}
	refuse := func(c *gin.Context, code, detail string) {
		if code != wire.CodeMethod {
			c.Writer.Header().Del("Allow") // gin set it before the guard was asked
		}
		if theirs[firstPart(c.Request.URL.Path)] {
			a.opts.Surface.refuse(c, code, detail)
			return
		}
		a.refuse(c, code, detail)
	}
	chain := slices.Clip(a.before("", "", refuse))
	a.engine.NoRoute(append(chain, func(c *gin.Context) {
		refuse(c, wire.CodeNotFound, "there is nothing at this path; GET /openapi.yaml describes the API")
	})...)
	a.engine.NoMethod(append(chain, func(c *gin.Context) {
		refuse(c, wire.CodeMethod, "this path takes "+c.Writer.Header().Get("Allow"))
	})...)
}

func firstPart(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}
