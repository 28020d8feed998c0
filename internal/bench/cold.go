package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/roster-sd/roster/internal/bench/child"
	"github.com/roster-sd/roster/internal/devfile"
	"github.com/roster-sd/roster/wire"
)

// caseCold is the case of a machine on which no registry runs: one command starts the
// registry, a service, and registers it.
const caseCold = "cold-start"

// coldGoal is the time within which the service should be found.
const coldGoal = 300 * time.Millisecond

// coldService is the service's name.
const coldService = "cold"

// coldPoll is the wait between two looks for the service. It is part of what is measured,
// and long enough to leave the processor to those that start.
const coldPoll = time.Millisecond

// cold times the case, once for all backends: it is about `roster dev`.
func (r *runner) cold(ctx context.Context) (err error) {
	if !slices.Contains(r.options.Cases, caseCold) || r.options.Starts == 0 {
		return nil
	}
	r.progress.printf("timing %d cold starts of roster run\n", r.options.Starts)
	listener, err := buildListener(ctx, r.dir)
	if err != nil {
		return err
	}
	r.report.Cold, err = repeatStarts(r.dir, "cold-", r.options.Starts, coldGoal, func(dir string) (time.Duration, error) {
		return timeCold(ctx, dir, r.bin.roster, listener)
	})
	return err
}

// timeCold times one cold start, in a folder that no registry has used.
func timeCold(ctx context.Context, dir, roster, listener string) (took time.Duration, err error) {
	began := time.Now()
	run, err := child.Start(dir, nil, roster, "run", "--name", coldService, "--", listener)
	if err != nil {
		return 0, err
	}
	err = run.Await(ctx, coldPoll, func(ctx context.Context) error { return resolveCold(ctx, dir) })
	took = time.Since(began)
	stopErr := run.Stop()
	end, endErr := child.Start(dir, nil, roster, "stop")
	if endErr == nil {
		endErr = end.Wait()
	}
	return took, errors.Join(err, stopErr, endErr)
}

// resolveCold resolves the service as a client does that was started beside it: by the
// discovery file. Its connection is not kept, for there is another registry each time.
func resolveCold(ctx context.Context, dir string) error {
	info, _, err := devfile.Read(dir)
	if err != nil {
		return err
	}
	api := newAPI("http://"+info.Address(), nil)
	defer api.HTTP.CloseIdleConnections()
	var in wire.Instance
	body, err := api.get(ctx, "/registry/resolve/"+coldService)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	if in.Port == 0 {
		return fmt.Errorf("resolve gave %s", body)
	}
	return nil
}

// repeatStarts times n starts, each in a folder of its own under dir.
func repeatStarts(dir, prefix string, n int, goal time.Duration, start func(dir string) (time.Duration, error)) (*StartTimes, error) {
	out := &StartTimes{GoalMillis: float64(goal.Milliseconds())}
	for i := range n {
		own := filepath.Join(dir, prefix+strconv.Itoa(i))
		if err := os.Mkdir(own, 0o700); err != nil {
			return nil, fmt.Errorf("time starts: %w", err)
		}
		took, err := start(own)
		if err != nil {
			return nil, fmt.Errorf("time starts: %w", err)
		}
		out.Millis = append(out.Millis, float64(took)/float64(time.Millisecond))
	}
	out.MedianMillis = median(out.Millis)
	out.Met = out.MedianMillis <= out.GoalMillis
	return out, nil
}
