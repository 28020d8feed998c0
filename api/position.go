package api

import (
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// aheadWait is how long a request with a position that this node has not reached waits
// for the node to catch up.
const aheadWait = 250 * time.Millisecond

func etag(rev store.Revision) string { return `W/"` + rev.String() + `"` }

// noneMatch reads If-None-Match (RFC 9110, 13.1.2): the positions in it, and whether it
// matches anything. Tags that are not ours match nothing.
func noneMatch(header string) (revs []store.Revision, any bool) {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return nil, true
		}
		tag = strings.TrimPrefix(tag, "W/")
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			continue
		}
		if rev, err := store.ParseRevision(tag[1 : len(tag)-1]); err == nil && len(revs) < 16 {
			revs = append(revs, rev)
		}
	}
	return revs, false
}

// reach waits for this node to reach a position that a caller has from another node. A
// position of another epoch is nowhere on the way: it just matches nothing.
func (a *API) reach(ctx context.Context, rev store.Revision) error {
	now := a.reg.Catalog().Revision()
	if !now.Before(rev) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, aheadWait)
	defer cancel()
	if a.reg.Catalog().Wait(ctx, rev) != nil && a.reg.Catalog().Revision().Before(rev) {
		return &registry.Error{Code: registry.Unavailable, RetryAfter: time.Second,
			Detail: "this node has not reached the position of the request yet; ask again"}
	}
	return nil
}

// warm waits for this node to have read the store once: before that, a snapshot would say
// of every service that nobody serves it.
func (a *API) warm(ctx context.Context) error {
	cat := a.reg.Catalog()
	if cat.IsWarm() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, aheadWait)
	defer cancel()
	select {
	case <-cat.Warm():
		return nil
	case <-ctx.Done():
		return &registry.Error{Code: registry.Unavailable, RetryAfter: time.Second,
			Detail: "this node has not read the services yet; ask again"}
	}
}

// condition is what a conditional read asks.
type condition struct {
	revs []store.Revision
	any  bool
}

func (a *API) condition(c *gin.Context) (condition, error) {
	values := c.Request.Header["If-None-Match"]
	if len(values) == 0 {
		return condition{}, nil
	}
	revs, any := noneMatch(strings.Join(values, ","))
	for _, rev := range revs {
		if err := a.reach(c.Request.Context(), rev); err != nil {
			return condition{}, err
		}
	}
	return condition{revs: revs, any: any}, nil
}

// met tells whether the caller has what stands at the position already.
func (c condition) met(rev store.Revision) bool {
	if c.any {
		return true
	}
	for _, r := range c.revs {
		if r == rev {
			return true
		}
	}
	return false
}
