package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

func (a *API) overrides(c *gin.Context) {
	who, ok := a.administrator(c)
	if !ok {
		return
	}
	list, err := a.reg.Overrides(c.Request.Context(), who)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := wire.Overrides{Overrides: make([]wire.OverrideEntry, 0, len(list))}
	for _, rec := range list {
		if rec.Instance.Override != nil {
			out.Overrides = append(out.Overrides, overrideOf(rec))
		}
	}
	a.json(c, http.StatusOK, marshal(out))
}

func (a *API) setOverride(c *gin.Context) {
	who, ok := a.administrator(c)
	if !ok {
		return
	}
	q, err := readOverride(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	rec, err := a.reg.SetOverride(c.Request.Context(), who, c.Param("serviceName"), c.Param("instanceId"), q)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.json(c, http.StatusOK, marshal(overrideOf(rec)))
}

func (a *API) liftOverride(c *gin.Context) {
	who, ok := a.administrator(c)
	if !ok {
		return
	}
	if err := a.reg.LiftOverride(c.Request.Context(), who, c.Param("serviceName"), c.Param("instanceId")); err != nil {
		a.fail(c, err)
		return
	}
	a.revision(c)
	c.Status(http.StatusNoContent)
}

func overrideOf(rec *store.Record) wire.OverrideEntry {
	o := rec.Instance.Override
	return wire.OverrideEntry{ServiceName: rec.Key.Service, InstanceID: rec.Key.ID, KeptOut: o.KeptOut, By: o.By,
		Override: wire.Override{Status: o.Status, Reason: o.Reason, Until: int64(o.Until)}}
}

func readOverride(c *gin.Context) (registry.OverrideRequest, error) {
	q := registry.OverrideRequest{For: registry.DefaultOverride}
	var f fields
	err := f.read(c, func(name string, dec *jsontext.Decoder) error {
		switch name {
		case "status":
			return f.text(name, dec, &q.Status)
		case "reason":
			return f.text(name, dec, &q.Reason)
		case "keepOut":
			return f.truth(name, dec, &q.KeepOut)
		case "for":
			return f.duration(name, dec, &q.For)
		}
		return f.unknown(name, dec)
	}, func() []registry.FieldError { return q.Check() })
	return q, err
}
