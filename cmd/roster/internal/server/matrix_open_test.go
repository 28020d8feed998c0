package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/pki"
	"github.com/roster-sd/roster/wire"
)

// polled is what a long poll was answered.
type polled struct {
	status int
	err    error
}

// poll asks for the service list once it is another than the caller has.
func (c *caller) poll(ctx context.Context, etag string) <-chan polled {
	c.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", c.base+"/registry/services?wait=5m", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("If-None-Match", etag)
	unhurried := *c.http
	unhurried.Timeout = 0
	answered := make(chan polled, 1)
	go func() { // ends with the context
		resp, err := unhurried.Do(req)
		if err != nil {
			answered <- polled{0, err}
			return
		}
		resp.Body.Close()
		answered <- polled{resp.StatusCode, nil}
	}()
	return answered
}

// TestMatrixWhileOpen: what is open while the rules change is held to them: a change that a
// caller may not see neither wakes its long poll nor reaches its stream; a policy that is
// reloaded turns the streams over or ends them; and a certificate that is revoked ends all.
func TestMatrixWhileOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vault := w.targets[6]
	list := w.callers["twin"].call(200, "GET", "/registry/services", "", nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waiting := w.n.as(w.f, w.f.issue(pki.Request{Name: "twins-other", SPIFFE: spiffe("twin")}), 2).poll(ctx, list.Header.Get("Etag"))
	all := w.n.as(w.f, w.f.issue(ownersOther("former")), 2).watch("")
	named := w.n.as(w.f, w.f.issue(pki.Request{Name: "keepers-other", SPIFFE: spiffe("keeper")}), 1).watch("?service=vault")

	// What is hidden moves, and nobody is told but its own.
	for weight := range 5 {
		w.callers["keeper"].call(200, "PATCH", "/registry/services/vault/"+vault.id, vault.tokens[current], map[string]any{"weight": 200 + weight}, nil)
	}
	eventually(t, "its own stream tells", func() bool { return strings.Count(named.text.String(), "event: put\n") == 5 })
	// What comes now wakes the poll, which has not been answered before.
	select {
	case got := <-waiting:
		t.Fatalf("the poll was answered %+v by a change that its caller may not see", got)
	default:
	}
	w.callers["owner"].register(201, "orders", "o-new", "")
	select {
	case got := <-waiting:
		// An answer to the hidden changes would have been 304: the list had not changed.
		if got.status != 200 || got.err != nil {
			t.Errorf("the poll was answered %+v", got)
		}
	case <-time.After(patient):
		t.Fatal("the poll was not answered")
	}
	eventually(t, "the stream tells of what it may", func() bool { return strings.Contains(all.text.String(), `"o-new"`) })
	if text := all.text.String(); strings.Contains(text, "vault") {
		t.Errorf("the owner's stream tells of what is hidden: %s", text)
	}

	// Another policy: one stream is turned over, the other is over.
	w.reload(phases[1])
	eventually(t, "the stream starts over", func() bool { return strings.Contains(all.text.String(), "event: resync\n") })
	eventually(t, "the stream shows what it may now", func() bool { return strings.Contains(all.text.String(), vault.mark()) })
	_, after, _ := strings.Cut(all.text.String(), "event: resync\n")
	if strings.Contains(after, "mark.orders") {
		t.Errorf("after the reload the stream still tells of what was taken away: %s", after)
	}
	eventually(t, "the other stream ends", func() bool { return !named.open() })
	if !strings.Contains(named.text.String(), "not allowed any more") {
		t.Errorf("the stream ended with %s", named.text.String())
	}
	w.callers["owner"].text(404, "/registry/services/orders")

	// Revoked.
	w.revoke("former")
	eventually(t, "the stream of the revoked one ends", func() bool { return !all.open() })
}

// TestMatrixOfBatches: a batch of which some items are another's renews the others, and
// those only, whoever sends it and in whatever order.
func TestMatrixOfBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, theirs := w.targets[0], w.targets[5]
	item := func(x *target, token string) wire.HeartbeatItem {
		return wire.HeartbeatItem{ServiceName: x.service, InstanceID: x.id, Token: token}
	}
	good, stolen, crossed := item(own, own.tokens[current]), item(theirs, theirs.tokens[current]), item(own, theirs.tokens[current])
	for i, items := range [][]wire.HeartbeatItem{{good, stolen, crossed}, {stolen, good}, {crossed, stolen, good, good}, {stolen, crossed}} {
		before := w.n.image()
		var out wire.HeartbeatResults
		w.callers["owner"].call(200, "POST", "/registry/heartbeats", "", wire.Heartbeats{Items: items}, &out)
		renewed := uint64(0)
		for j, it := range items {
			want := map[wire.HeartbeatItem]int{good: 200, stolen: 403, crossed: 401}[it]
			if out.Results[j].Status != want {
				t.Errorf("batch %d, item %d: %+v, want %d", i, j, out.Results[j], want)
			}
			if want == 200 {
				renewed++
			}
		}
		if after := w.n.image(); after.records != before.records || after.renewed-before.renewed != renewed {
			t.Errorf("batch %d: %d were renewed, want %d, of %s", i, after.renewed-before.renewed, renewed, fmt.Sprint(out.Results))
		}
	}
}
