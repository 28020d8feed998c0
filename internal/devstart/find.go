package devstart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/roster-sd/roster/internal/devfile"
)

// The kinds of error, for [errors.Is].
var (
	// ErrNone: no local registry runs.
	ErrNone = errors.New("no local registry is running")
	// ErrSilent: the process that the discovery file names lives, and nothing that says it
	// is this process answers at its address: it hangs, is starting or ending, or has taken
	// over the number of a registry that was killed.
	ErrSilent = errors.New("the local registry does not answer")
)

// answerTime is how long one question to a registry may take: it is on this machine.
const answerTime = 2 * time.Second

// Find gives the local registry of this user that answers now. dir is where the discovery
// file is, the system's folder for temporary files if empty. Errors are ErrNone, ErrSilent,
// [devfile.ErrUntrusted], that of the context, or of the file system.
func Find(ctx context.Context, dir string) (devfile.Info, error) {
	info, _, err := devfile.Read(dir)
	switch {
	case errors.Is(err, devfile.ErrNotFound), errors.Is(err, devfile.ErrStale):
		return devfile.Info{}, ErrNone
	case err != nil:
		return devfile.Info{}, err
	}
	if err := ask(ctx, info); err != nil {
		if errors.Is(ctx.Err(), context.Canceled) { // a deadline that is over is silence too
			return devfile.Info{}, fmt.Errorf("find local registry: %w", ctx.Err())
		}
		return info, fmt.Errorf("%w at http://%s (process %d): %w", ErrSilent, info.Address(), info.PID, err)
	}
	return info, nil
}

// health is the answer of the loopback surface to GET /health.
type health struct {
	OK  bool `json:"ok"`
	PID int  `json:"pid"`
}

// ask asks what listens at the address whether it is the process. That is what tells a
// registry from a process that was given the number of one that is gone, and from another
// server on its port.
func ask(ctx context.Context, info devfile.Info) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+info.Address()+"/health", nil)
	if err != nil {
		return err
	}
	// A transport of its own: no proxy of the environment's, no connection left behind.
	transport := &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var h health
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<10)).Decode(&h); err != nil {
		return errors.New("what answers there is no local registry")
	}
	if !h.OK || h.PID != info.PID {
		return fmt.Errorf("what answers there is process %d", h.PID)
	}
	return nil
}
