package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

// renewal is a batch of heartbeats that was answered.
type renewal struct {
	begun, ended time.Time // of the request, by the monotonic clock
	bytes        int       // of the answer's body
	granted      []time.Duration
}

// renew sends the heartbeats of the instances as one batch, and fails if the server lost
// any of them.
func (a *API) renew(ctx context.Context, all []Registered) (renewal, error) {
	body := batchBody(all)
	out := renewal{begun: time.Now()}
	answer, err := a.send(ctx, "/registry/heartbeats", body)
	out.ended, out.bytes = time.Now(), len(answer)
	if err != nil {
		return renewal{}, fmt.Errorf("renew: %w", err)
	}
	var said wire.HeartbeatResults
	if err := json.Unmarshal(answer, &said); err != nil {
		return renewal{}, fmt.Errorf("renew: %w", err)
	}
	if len(said.Results) != len(all) {
		return renewal{}, fmt.Errorf("renew: %d results for %d instances", len(said.Results), len(all))
	}
	for i, r := range said.Results {
		if r.Status != http.StatusOK {
			return renewal{}, fmt.Errorf("renew: %s: status %d, code %s", all[i].ID, r.Status, r.Code)
		}
		out.granted = append(out.granted, time.Duration(r.TTL)*time.Millisecond)
	}
	return out, nil
}

func batchBody(all []Registered) []byte {
	items := make([]wire.HeartbeatItem, len(all))
	for i, m := range all {
		items[i] = wire.HeartbeatItem{ServiceName: m.Service, InstanceID: m.ID, Token: m.Token}
	}
	return mustJSON(wire.Heartbeats{Items: items})
}

// batchConnections is over how many connections batches are sent: each keeps the server
// busy for long.
const batchConnections = 4

// batch measures heartbeats sent in batches, as large as they may be, of one part of the
// crowd after the other. Nothing is compared.
func (r *runner) batch(ctx context.Context, w *crowd) error {
	size := min(wire.MaxBatch, len(w.members))
	load := &Load{}
	for from := 0; from+size <= len(w.members); from += size {
		part := w.members[from : from+size]
		// The answers are the same in length while every item in them is a good one.
		done, err := w.roster.API.renew(ctx, part)
		if err != nil {
			return fmt.Errorf("case %s: %w", caseBatch, err)
		}
		if load.MinBody == 0 {
			load.MinBody = done.bytes
		}
		load.MinBody, load.MaxBody = min(load.MinBody, done.bytes), max(load.MaxBody, done.bytes)
		load.Requests = append(load.Requests, Request{
			Bytes: rawclient.Post(w.roster.Target.Address, "/registry/heartbeats", "", batchBody(part)), Contains: []byte(`"ttl":`),
		})
	}
	return r.play(ctx, &contest{
		label: Slice{Case: caseBatch, Backend: w.backend, Protocol: w.protocol, BodyBytes: load.MaxBody, Items: size},
		sides: []side{{target: w.roster.Target, load: load}},
	})
}
