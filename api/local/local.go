// Package local serves the loopback surface: the routes, shapes and habits of a local
// development daemon that came before Roster, so that its clients work unchanged. The
// registry behind it is the same as that of the native surface.
//
// It is for a loopback listener of one user only: it acts as the holder of every
// instance's token.
package local

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/requestid"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// Options configure the surface. Registry and Caller are required.
type Options struct {
	Registry *registry.Registry
	Caller   registry.Caller // who its writes are by
	TTL      time.Duration   // of what is registered here
}

// DefaultTTL is how long an instance lives without a heartbeat.
const DefaultTTL = 15 * time.Second

// Surface serves the routes.
type Surface struct {
	reg    *registry.Registry
	caller registry.Caller
	ttl    time.Duration
}

// New makes the surface.
func New(opts Options) *Surface {
	s := &Surface{reg: opts.Registry, caller: opts.Caller, ttl: opts.TTL}
	s.caller.Holder = true
	if s.ttl <= 0 {
		s.ttl = DefaultTTL
	}
	return s
}

// Register adds the routes.
func (s *Surface) Register(r gin.IRouter) {
	r.POST("/register", s.register)
	r.POST("/heartbeat", s.heartbeat)
	r.POST("/unregister", s.unregister)
	r.GET("/resolve/:name", s.resolve)
	r.GET("/list", s.list)
	r.GET("/health", s.health)
}

// instance is an instance as this surface shows it. In a listing the name is the key.
type instance struct {
	ID       string         `json:"id"`
	Name     string         `json:"name,omitempty"`
	Host     string         `json:"host"`
	Port     int            `json:"port"`
	PID      *int           `json:"pid"`
	Meta     jsontext.Value `json:"meta"`
	LastSeen int64          `json:"lastSeen"`
}

func show(r *store.Record, last store.Millis) *instance {
	in := &r.Instance
	out := &instance{ID: r.Key.ID, Name: r.Key.Service, Host: in.Address, Port: int(in.Port),
		Meta: metaOf(in), LastSeen: int64(last)}
	if in.PID != 0 {
		out.PID = &in.PID
	}
	return out
}

func showItem(it catalog.Item) *instance { return show(it.Record(), it.LastHeartbeat) }

// answer writes a JSON answer.
func answer(c *gin.Context, status int, v any) {
	body, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"ok":false,"error":"internal"}`)
	}
	c.Header("Cache-Control", "no-store")
	c.Data(status, "application/json; charset=utf-8", body)
}

type refusal struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

// Refuse answers a request that may not be served.
func Refuse(c *gin.Context, status int, detail string) {
	c.Abort()
	answer(c, status, refusal{Error: detail})
}

// fail answers an error of the registry, or one of our own reading.
func fail(c *gin.Context, err error) {
	requestid.Answer(c.Writer.Header()).RequestID()
	var own *badRequest
	var use *registry.Error
	switch {
	case errors.As(err, &own):
		Refuse(c, own.status, own.detail)
	case errors.As(err, &use):
		Refuse(c, statuses[use.Code], describe(use))
	case store.IsContext(err):
		Refuse(c, http.StatusServiceUnavailable, "the call took too long; ask again")
	default:
		Refuse(c, http.StatusInternalServerError, "internal")
	}
}

// statuses maps what the registry may say to a caller that holds every token.
var statuses = map[registry.Code]int{
	registry.Invalid:     http.StatusBadRequest,
	registry.Forbidden:   http.StatusForbidden,
	registry.NotFound:    http.StatusNotFound,
	registry.LeaseLost:   http.StatusNotFound,
	registry.Conflict:    http.StatusConflict,
	registry.RateLimited: http.StatusTooManyRequests,
	registry.Unavailable: http.StatusServiceUnavailable,
	registry.Internal:    http.StatusInternalServerError,
}

// names are the fields of this surface for those of the registry.
var names = map[string]string{
	"serviceName": "name", "instanceId": "id", "address": "host", "metadata": "meta",
}

func describe(e *registry.Error) string {
	if len(e.Fields) == 0 {
		return e.Detail
	}
	text := ""
	for i, f := range e.Fields {
		if i > 0 {
			text += "; "
		}
		text += fieldOf(f.Field) + " " + f.Message
	}
	return text
}

// fieldOf gives the name that a field of the registry has on this surface.
func fieldOf(field string) string {
	member, key, nested := strings.Cut(field, ".")
	if own, ok := names[member]; ok {
		member = own
	}
	if nested {
		member += "." + key
	}
	return member
}

func (s *Surface) health(c *gin.Context) {
	answer(c, http.StatusOK, struct {
		OK  bool `json:"ok"`
		PID int  `json:"pid"`
	}{true, os.Getpid()})
}
