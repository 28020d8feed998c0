package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Route is a row of the table of routes, from which tests are made.
type Route struct {
	Method, Path string
	// Body tells that the route reads a JSON object.
	Body bool
	// Action is what the caller must be allowed: register, discover, admin, or empty.
	Action string

	serve func(*API, *gin.Context)
}

// Head tells that the route answers HEAD as well (RFC 9110, 9.1), like GET without the
// body, which net/http leaves out. A stream has no end to describe.
func (r Route) Head() bool { return r.Method == http.MethodGet && r.Path != watchPath }

const watchPath = "/registry/watch"

func (r Route) handler(a *API) gin.HandlerFunc { return func(c *gin.Context) { r.serve(a, c) } }

// Routes is the table of routes of the native surface.
func (a *API) Routes() []Route {
	routes := []Route{
		{"POST", "/registry/register", true, "register", (*API).register},
		{"POST", "/registry/heartbeat", true, "register", (*API).heartbeat},
		{"POST", "/registry/heartbeats", true, "register", (*API).heartbeats},
		{"POST", "/registry/token/rotate", true, "register", (*API).rotate},
		{"GET", "/registry/services", false, "discover", (*API).services},
		{"GET", "/registry/services/:serviceName", false, "discover", (*API).service},
		{"GET", "/registry/services/:serviceName/:instanceId", false, "discover", (*API).instance},
		{"PATCH", "/registry/services/:serviceName/:instanceId", true, "register", (*API).patch},
		{"DELETE", "/registry/services/:serviceName/:instanceId", false, "register", (*API).deregister},
		{"GET", "/registry/resolve/:serviceName", false, "discover", (*API).resolve},
		{"GET", watchPath, false, "discover", (*API).watch},
		{"GET", "/registry/events", false, "discover", (*API).events},
		{"GET", "/registry/explain/:serviceName", false, "discover", (*API).explainService},
		{"GET", "/registry/explain/:serviceName/:instanceId", false, "discover", (*API).explainInstance},
		{"GET", "/registry/admin/dump", false, "admin", (*API).dump},
		{"POST", "/registry/admin/policies/check", true, "admin", (*API).checkPolicy},
		{"GET", "/registry/admin/overrides", false, "admin", (*API).overrides},
		{"PUT", "/registry/admin/overrides/:serviceName/:instanceId", true, "admin", (*API).setOverride},
		{"DELETE", "/registry/admin/overrides/:serviceName/:instanceId", false, "admin", (*API).liftOverride},
		{"GET", "/registry/admin/denials", false, "admin", (*API).denials},
		{"GET", "/ready", false, "", (*API).ready},
		{"GET", "/openapi.json", false, "", (*API).openapiJSON},
		{"GET", "/openapi.yaml", false, "", (*API).openapiYAML},
	}
	if a.opts.Surface == nil {
		routes = append(routes, Route{"GET", "/health", false, "", (*API).health})
	}
	if a.opts.Metrics != nil {
		routes = append(routes, Route{"GET", "/metrics", false, "", (*API).metrics})
	}
	return routes
}
