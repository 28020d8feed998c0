package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/registry"
)

func (a *API) deregister(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, false, "reason", "keepOut")
	if err != nil {
		a.fail(c, err)
		return
	}
	_, err = a.reg.Deregister(c.Request.Context(), who, c.Param("serviceName"), c.Param("instanceId"), token(c), registry.Removal{Note: q.reason, KeepOut: q.keepOut})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.revision(c)
	c.Status(http.StatusNoContent)
}
