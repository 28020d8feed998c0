package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/roster-sd/roster/internal/freeport"
)

// startGoal is the time within which `roster dev` should answer.
const startGoal = 50 * time.Millisecond

// StartTimes is how long `roster dev` took from its start to its first answer.
type StartTimes struct {
	Millis       []float64 `json:"millis"`
	MedianMillis float64   `json:"medianMillis"`
	GoalMillis   float64   `json:"goalMillis"`
	Met          bool      `json:"met"`
}

// timeStarts starts `roster dev` n times, each in a folder of its own under dir.
func timeStarts(ctx context.Context, dir, binary string, n int) (*StartTimes, error) {
	out := &StartTimes{GoalMillis: float64(startGoal.Milliseconds())}
	for i := range n {
		own := filepath.Join(dir, "start-"+strconv.Itoa(i))
		if err := os.Mkdir(own, 0o700); err != nil {
			return nil, fmt.Errorf("time starts: %w", err)
		}
		took, err := timeStart(ctx, own, binary)
		if err != nil {
			return nil, fmt.Errorf("time starts: %w", err)
		}
		out.Millis = append(out.Millis, float64(took)/float64(time.Millisecond))
	}
	out.MedianMillis = median(out.Millis)
	out.Met = out.MedianMillis <= out.GoalMillis
	return out, nil
}

// timeStart starts `roster dev` once and polls /health until it answers.
func timeStart(ctx context.Context, dir, binary string) (time.Duration, error) {
	port, err := freeport.Take()
	if err != nil {
		return 0, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	api := newAPI("http://"+address, nil)
	defer api.HTTP.CloseIdleConnections()

	begun := time.Now()
	child, err := startChild(dir, nil, binary, "dev", "--port", strconv.Itoa(port))
	if err != nil {
		return 0, err
	}
	err = child.await(ctx, 200*time.Microsecond, api.healthy)
	took := time.Since(begun)
	if stopErr := child.Stop(); err == nil {
		err = stopErr
	}
	return took, err
}
