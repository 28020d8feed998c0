package bench

import (
	"context"

	"github.com/roster-sd/roster/internal/bench/machine"
)

// Settings is how a server's Go runtime is set.
type Settings = machine.Settings

// withMetrics gives the settings with what the server's metrics tell. One that does not give
// them leaves "unknown": the measurement goes on.
func withMetrics(ctx context.Context, s Settings, api *API) Settings {
	defer api.HTTP.CloseIdleConnections()
	text, err := api.get(ctx, "/metrics")
	if err != nil {
		text = nil
	}
	s.Take(text)
	return s
}
