package api

import (
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/registry"
)

// aheadWait is how long a request with a position that this node has not reached waits
// for the node to catch up.
const aheadWait = 250 * time.Millisecond

func etag(at catalog.Position) string {
	var buf [80]byte
	return string(append(at.Append(append(buf[:0], `W/"`...)), '"'))
}

// noneMatch reads If-None-Match (RFC 9110, 13.1.2): the positions in it, and whether it
// matches anything. Tags that are not ours match nothing.
func noneMatch(header string) (positions []catalog.Position, any bool) {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return nil, true
		}
		tag = strings.TrimPrefix(tag, "W/")
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			continue
		}
		if at, err := catalog.ParsePosition(tag[1 : len(tag)-1]); err == nil && len(positions) < 16 {
			positions = append(positions, at)
		}
	}
	return positions, false
}

// reach waits for this node to reach the revision of a position that a caller has from
// another node, or its answer would be from before that. A position of another epoch is
// nowhere on the way: it just matches nothing.
func (a *API) reach(ctx context.Context, at catalog.Position) error {
	rev := at.Revision
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
	positions []catalog.Position
	any       bool
}

func (a *API) condition(c *gin.Context) (condition, error) {
	values := c.Request.Header["If-None-Match"]
	if len(values) == 0 {
		return condition{}, nil
	}
	positions, any := noneMatch(strings.Join(values, ","))
	for _, at := range positions {
		if err := a.reach(c.Request.Context(), at); err != nil {
			return condition{}, err
		}
	}
	return condition{positions: positions, any: any}, nil
}

// met tells whether the caller has what stands at the position already.
func (c condition) met(at catalog.Position) bool {
	if c.any {
		return true
	}
	for _, p := range c.positions {
		if p == at {
			return true
		}
	}
	return false
}
