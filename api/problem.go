package api

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// statuses is the one table from error codes to HTTP; the clients reverse it by code.
var statuses = map[string]int{
	wire.CodeInvalid:         http.StatusBadRequest,
	wire.CodeUnauthenticated: http.StatusUnauthorized,
	wire.CodeForbidden:       http.StatusForbidden,
	wire.CodeNotFound:        http.StatusNotFound,
	wire.CodeMethod:          http.StatusMethodNotAllowed,
	wire.CodeConflict:        http.StatusConflict,
	wire.CodeLeaseLost:       http.StatusGone,
	wire.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	wire.CodeMediaType:       http.StatusUnsupportedMediaType,
	wire.CodeMisdirected:     http.StatusMisdirectedRequest,
	wire.CodeRateLimited:     http.StatusTooManyRequests,
	wire.CodeUnavailable:     http.StatusServiceUnavailable,
	wire.CodeInternal:        http.StatusInternalServerError,
}

// problem is an error that is answered as it stands.
type problem struct {
	code   string
	detail string
	fields []wire.FieldError
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

// describe turns any error of a handler into what the caller is told.
func describe(err error) (wire.Problem, time.Duration) {
	var own *problem
	var use *registry.Error
	out := wire.Problem{Code: wire.CodeInternal, Detail: "the registry failed; its log says why"}
	var retry time.Duration
	switch {
	case errors.As(err, &own):
		out.Code, out.Detail, out.Errors = own.code, own.detail, own.fields
	case errors.As(err, &use):
		out.Code, out.Detail, out.Reason = string(use.Code), use.Detail, string(use.Reason)
		for _, f := range use.Fields {
			out.Errors = append(out.Errors, wire.FieldError(f))
		}
		retry = use.RetryAfter
	case store.IsContext(err):
		out.Code, out.Detail, retry = wire.CodeUnavailable, "the call took too long; ask again", time.Second
	}
	out.Status = statuses[out.Code]
	out.Title = http.StatusText(out.Status)
	out.Type = "about:blank"
	return out, retry
}

// severity tells what of an error the log should know, nil if nothing: what a caller did
// wrong is the caller's to know.
func severity(status int, err error) (slog.Level, error) {
	if status == http.StatusInternalServerError {
		return slog.LevelError, err
	}
	if status == http.StatusServiceUnavailable {
		return slog.LevelWarn, errors.Unwrap(err)
	}
	return 0, nil
}

// fail answers a problem and ends the request.
func (a *API) fail(c *gin.Context, err error) {
	p, retry := describe(err)
	id := request(c).RequestID()
	if level, cause := severity(p.Status, err); cause != nil {
		a.log.LogAttrs(c.Request.Context(), level, "request failed", slog.String("method", c.Request.Method),
			slog.String("route", c.FullPath()), slog.String("request", id), slog.Int("status", p.Status), slog.Any("error", cause))
	}
	if retry > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	if p.Code == wire.CodeRateLimited {
		a.auditLimited(c, p.Detail)
	}
	if p.Status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", `Bearer realm="roster"`)
	}
	a.revision(c)
	c.Abort()
	a.write(c, p.Status, contentTypeProblem, marshal(p))
}
