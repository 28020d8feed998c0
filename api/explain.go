package api

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

func (a *API) explainInstance(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	limit, err := toldLimit(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	x, err := a.reg.ExplainInstance(c.Request.Context(), who, c.Param("serviceName"), c.Param("instanceId"), limit)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.revisionAt(c, x.Position)
	a.write(c, http.StatusOK, contentTypeJSON, marshal(explanationOf(&x)))
}

func (a *API) explainService(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	limit, err := toldLimit(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	x, err := a.reg.ExplainService(c.Request.Context(), who, c.Param("serviceName"), limit)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.revisionAt(c, x.Position)
	a.write(c, http.StatusOK, contentTypeJSON, marshal(serviceExplanationOf(&x)))
}

// toldLimit reads how much of the past is asked for.
func toldLimit(c *gin.Context) (int, error) {
	q, err := parse(c.Request.URL.RawQuery, false, "limit")
	if err != nil {
		return 0, err
	}
	if q.limit < 0 {
		return registry.DefaultTold, nil
	}
	return q.limit, nil
}

func explanationOf(x *registry.Explained) wire.Explanation {
	out := wire.Explanation{
		ServiceName: x.Key.Service, InstanceID: x.Key.ID, Node: x.Node, Time: int64(x.Time), State: wire.ExplainGone,
		Registered: wire.Origin{By: x.Origin.Owner, Time: int64(x.Origin.Time), Generation: x.Origin.Generation,
			From: x.Origin.From, Node: x.Origin.Node, Note: x.Origin.Note},
		Registrations: x.Registrations, Events: make([]wire.ToldEvent, 0, len(x.Events)), Incomplete: x.Incomplete,
	}
	if o := x.Override; o != nil {
		out.Override = &wire.OverrideEntry{ServiceName: x.Key.Service, InstanceID: x.Key.ID, KeptOut: o.KeptOut, By: o.By,
			Override: wire.Override{Status: o.Status, Reason: o.Reason, Until: int64(o.Until)}}
	}
	if x.Live != nil {
		explainLive(&out, x)
	}
	if h := x.Hold; h != nil {
		out.State = wire.ExplainHeld
		out.Hold = &wire.Hold{Because: h.Because, Since: int64(h.Since), Left: millisIf(h.Left, h.HasLeft)}
	}
	if x.Left != nil {
		left := departureOf(x.Left)
		out.Left = &left
	}
	for i := range x.Events {
		told := wire.ToldEvent{Event: eventOf(&x.Events[i].Event)}
		for _, ch := range x.Events[i].Changes {
			told.Changes = append(told.Changes, wire.Changed{Field: ch.Field, From: ch.From, To: ch.To})
		}
		out.Events = append(out.Events, told)
	}
	return out
}

// explainLive adds what there is of an instance that is there.
func explainLive(out *wire.Explanation, x *registry.Explained) {
	rec := x.Live.Record()
	out.State = wire.ExplainLive
	out.Instance = new(wire.Instance)
	// The encoded form is the one that everyone is shown. It is ours, so it can be read.
	if err := json.Unmarshal(x.Live.AppendJSON(nil), out.Instance); err != nil {
		panic("api: read an encoded instance: " + err.Error())
	}
	out.Lease = &wire.Lease{TTL: rec.TTL.Milliseconds(), Left: millisIf(x.TimeLeft, x.HasTimeLeft)}
	out.Token = &wire.Rotation{ExpiresAt: rec.Tokens.UsedExpires, Rotations: x.Rotations.Count,
		RotatedAt: int64(x.Rotations.Last), Unused: rec.Tokens.HasNewest}
	out.Heartbeats = rhythmOf(x.Rhythm, rec.TTL)
	out.Spared = x.Spared
}

func departureOf(d *registry.Departure) wire.Departure {
	rec := d.Record
	return wire.Departure{
		InstanceID: rec.Key.ID, Time: int64(d.Time), Reason: string(d.Reason.Code), Note: d.Reason.Note, Actor: d.Reason.Actor,
		Node: d.Reason.Node, From: d.Reason.From, Address: rec.Instance.Address, Port: int(rec.Instance.Port), By: rec.Owner,
		RegisteredAt: int64(rec.RegisteredAt), Generation: rec.Generation, TTL: rec.TTL.Milliseconds(),
		Heartbeats: rhythmOf(d.Rhythm, rec.TTL),
	}
}

func rhythmOf(r *catalog.Rhythm, ttl time.Duration) *wire.Rhythm {
	if r == nil {
		return nil
	}
	out := &wire.Rhythm{Last: int64(r.Last), LargestGap: r.Largest.Milliseconds()}
	if ttl > 0 {
		out.OfTTL = math.Round(100*float64(r.Largest)/float64(ttl)) / 100
	}
	return out
}

// millisIf gives a duration that is known.
func millisIf(d time.Duration, known bool) *int64 {
	if !known {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}

func serviceExplanationOf(x *registry.ExplainedService) wire.ServiceExplanation {
	out := wire.ServiceExplanation{
		ServiceName: x.Service, Node: x.Node, Time: int64(x.Time),
		Instances: x.Instances, Up: x.Up, States: x.States, Suspect: x.Suspect, Failing: x.Failing, Degraded: x.Degraded, Owners: countsOf(x.Owners),
		Events: x.Events, Since: int64(x.Since), Registrations: x.Registrations, Reasons: countsOf(x.Reasons),
		Left: []wire.Departure{}, Flapping: []wire.Flapping{}, Late: []wire.LateHeartbeats{}, Incomplete: x.Incomplete,
	}
	for i := range x.Left {
		out.Left = append(out.Left, departureOf(&x.Left[i]))
	}
	for _, f := range x.Flapping {
		out.Flapping = append(out.Flapping, wire.Flapping{InstanceID: f.ID, IDs: f.IDs, Address: f.Address, Port: int(f.Port),
			Registrations: f.Registrations, Last: int64(f.Last)})
	}
	for i := range x.Late {
		late := &x.Late[i]
		out.Late = append(out.Late, wire.LateHeartbeats{InstanceID: late.Record.Key.ID, TTL: late.Record.TTL.Milliseconds(),
			Rhythm: *rhythmOf(&late.Rhythm, late.Record.TTL)})
	}
	return out
}

func countsOf(list []registry.Count) []wire.Count {
	out := make([]wire.Count, 0, len(list))
	for _, n := range list {
		out = append(out, wire.Count{Name: n.Name, Count: n.Count})
	}
	return out
}
