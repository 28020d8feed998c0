package client

import (
	"context"
	"net/http"

	"github.com/roster-sd/roster/wire"
)

// Denials gives what the node that answers has refused lately, the latest last. Each node
// knows its own. Only administrators may ask; others get ErrForbidden.
func (c *Client) Denials(ctx context.Context) (wire.Denials, error) {
	var out wire.Denials
	err := c.do(ctx, call{op: "list denials", method: http.MethodGet, path: "/registry/admin/denials", repeat: true}, &out)
	return out, err
}
