package api

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/wire"
)

// state gives the node's health with what the catalog knows.
func (a *API) state() (Health, wire.Health) {
	var h Health
	cat := a.reg.Catalog()
	if a.opts.Health != nil {
		h = a.opts.Health()
	} else {
		h.Ready = cat.IsWarm()
	}
	out := wire.Health{Status: "ok", Node: h.Node, Backend: h.Backend, Held: h.Held, Reasons: slices.Clip(h.Degraded)}
	if cat.IsWarm() {
		out.Revision = cat.Position().String()
	}
	if age, stale := cat.Stale(); stale {
		out.StaleFor = age.Milliseconds()
		out.Reasons = append(out.Reasons, outOfReach(h.Backend, cat.IsWarm()))
	}
	for cause, n := range cat.Held() {
		if out.Held += n; n > 0 {
			out.Reasons = append(out.Reasons, strconv.Itoa(n)+" kept past the end of their leases, because "+catalog.Cause(cause).Text())
		}
	}
	switch {
	case h.Stopping:
		out.Status = "stopping"
	case !h.Ready:
		out.Status = "starting"
	case len(out.Reasons) > 0:
		out.Status = "degraded"
	}
	return h, out
}

// outOfReach tells that the backend does not answer, and what this node lacks for that. What
// the error said is in the log.
func outOfReach(backend string, warm bool) string {
	text := "the backend is out of reach"
	if backend != "" {
		text = "the backend " + backend + " is out of reach"
	}
	if !warm {
		text += ", and this node has not read the services yet"
	}
	return text
}

// health tells that the process serves; it is 200 as long as it can answer at all.
func (a *API) health(c *gin.Context) {
	_, out := a.state()
	a.answerHealth(c, http.StatusOK, out)
}

// ready tells whether this node should be sent requests. An outage of the backend is no
// reason against it, or the views would be taken away just when they are needed; with
// ?strict it is.
func (a *API) ready(c *gin.Context) {
	if _, err := parse(c.Request.URL.RawQuery, false, "strict"); err != nil {
		a.fail(c, err)
		return
	}
	_, strict := c.GetQuery("strict")
	h, out := a.state()
	status := http.StatusOK
	if !h.Ready || h.Stopping || strict && out.Status != "ok" {
		status = http.StatusServiceUnavailable
	}
	a.answerHealth(c, status, out)
}

func (a *API) answerHealth(c *gin.Context, status int, out wire.Health) {
	c.Writer.Header()["Cache-Control"] = noStore
	a.json(c, status, marshal(out))
}

func (a *API) metrics(c *gin.Context) { a.opts.Metrics.ServeHTTP(c.Writer, c.Request) }

func (a *API) openapiJSON(c *gin.Context) {
	a.json(c, http.StatusOK, OpenAPIJSON())
}

func (a *API) openapiYAML(c *gin.Context) {
	a.revision(c)
	a.write(c, http.StatusOK, contentTypeYAML, OpenAPIYAML())
}
