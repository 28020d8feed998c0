package bench

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/roster-sd/roster/internal/bench/child"
	"github.com/roster-sd/roster/internal/freeport"
)

// startGoal is the time within which `roster dev` should answer.
const startGoal = 50 * time.Millisecond

// StartTimes is how long something took from its start to its first answer.
type StartTimes struct {
	Millis       []float64 `json:"millis"`
	MedianMillis float64   `json:"medianMillis"`
	GoalMillis   float64   `json:"goalMillis"`
	Met          bool      `json:"met"`
}

// timeStarts starts `roster dev` n times, each in a folder of its own under dir.
func timeStarts(ctx context.Context, dir, binary string, n int) (*StartTimes, error) {
	return repeatStarts(dir, "start-", n, startGoal, func(own string) (time.Duration, error) { return timeStart(ctx, own, binary) })
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
	dev, err := child.Start(dir, nil, binary, "dev", "--port", strconv.Itoa(port))
	if err != nil {
		return 0, err
	}
	err = dev.Await(ctx, 200*time.Microsecond, api.healthy)
	took := time.Since(begun)
	if stopErr := dev.Stop(); err == nil {
		err = stopErr
	}
	return took, err
}
