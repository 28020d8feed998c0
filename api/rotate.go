package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
)

func (a *API) rotate(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	service, id, err := readRef(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	out, err := a.reg.Rotate(c.Request.Context(), who, service, id, token(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	b := appendText([]byte{'{'}, "token", out.Token)
	b = append(appendNumber(b, "tokenExpiresAt", int64(out.TokenExpires)), '}')
	a.secret(c)
	a.json(c, http.StatusOK, b)
}

// readRef reads the body of a heartbeat or a rotation.
func readRef(c *gin.Context) (service, id string, err error) {
	var f fields
	err = f.read(c, func(name string, dec *jsontext.Decoder) error {
		switch name {
		case "serviceName":
			return f.text(name, dec, &service)
		case "instanceId":
			return f.text(name, dec, &id)
		}
		return f.unknown(name, dec)
	}, func() []registry.FieldError { return registry.CheckRef(service, id) })
	return service, id, err
}
