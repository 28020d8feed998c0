package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/wire"
)

func (a *API) denials(c *gin.Context) {
	who, ok := a.administrator(c)
	if !ok {
		return
	}
	list, err := a.reg.Denials(c.Request.Context(), who)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := wire.Denials{Node: list.Node, Since: list.Since.UnixMilli(), Total: int64(list.Total), Denials: make([]wire.Denial, 0, len(list.Denials))}
	for i := range list.Denials {
		out.Denials = append(out.Denials, denialOf(&list.Denials[i]))
	}
	a.json(c, http.StatusOK, marshal(out))
}

func denialOf(d *audit.Denial) wire.Denial {
	return wire.Denial{Time: d.Time.UnixMilli(), First: d.First.UnixMilli(), Count: int64(d.Repeats), Kind: string(d.Kind), Identity: d.Identity,
		From: d.From, RequestID: d.Request, Action: d.Action, ServiceName: d.Service, InstanceID: d.Instance, Rule: d.Rule.Text, Why: d.Why}
}
