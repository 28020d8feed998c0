package api

import (
	"iter"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

func eventsOf(at catalog.Position, list iter.Seq[store.Event]) wire.Events {
	out := wire.Events{Revision: at.String(), Events: []wire.Event{}}
	for ev := range list {
		out.Events = append(out.Events, eventOf(&ev))
	}
	return out
}

func eventOf(ev *store.Event) wire.Event {
	e := wire.Event{
		Revision:    ev.Revision.String(),
		Time:        int64(ev.Time),
		Type:        wire.WatchPut,
		ServiceName: ev.Key().Service,
		InstanceID:  ev.Key().ID,
		Reason:      string(ev.Reason.Code),
		Note:        ev.Reason.Note,
		Actor:       ev.Reason.Actor,
		Node:        ev.Reason.Node,
		From:        ev.Reason.From,
	}
	if ev.Deleted() {
		e.Type = wire.WatchDelete
	}
	return e
}
