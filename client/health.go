package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/roster-sd/roster/wire"
)

// healthAnswer is either form of the answer: the native one, or that of the loopback
// surface, {"ok":true,"pid":…}.
type healthAnswer struct {
	wire.Health
	OK  bool `json:"ok"`
	PID int  `json:"pid"`
}

// Health is what a registry says of itself.
type Health struct {
	wire.Health
	// PID is the process of a local development registry; 0 from any other.
	PID int `json:"pid,omitempty"`
}

// Health asks whether the registry runs. Where it says that it cannot serve, both the
// answer and an ErrUnavailable are given.
func (c *Client) Health(ctx context.Context) (Health, error) {
	return c.health(ctx, "health", "/health", nil)
}

// Ready asks whether the registry can answer calls. One that has lost its backend still
// can, from its view, and says "degraded"; with strict that is ErrUnavailable.
func (c *Client) Ready(ctx context.Context, strict bool) (Health, error) {
	var q url.Values
	if strict {
		q = url.Values{"strict": {"true"}}
	}
	return c.health(ctx, "ready", "/ready", q)
}

func (c *Client) health(ctx context.Context, op, path string, q url.Values) (Health, error) {
	var answer healthAnswer
	err := c.get(ctx, op, path, q, nil, &answer)
	var e *Error
	if errors.As(err, &e) && e.body != nil && json.Unmarshal(e.body, &answer) == nil && answer.Status != "" {
		// The registry did answer; its own words say more than "503".
		said := *e
		said.Detail = "the registry says " + strings.Join(append([]string{answer.Status}, answer.Reasons...), "; ")
		err = fmt.Errorf("%s: %w", op, &said)
	}
	if answer.Status == "" && answer.OK {
		answer.Status = "ok"
	}
	if err == nil && answer.Status == "" {
		err = fmt.Errorf("%s: the answer is not in the form of a Roster registry", op)
	}
	return Health{Health: answer.Health, PID: answer.PID}, err
}
