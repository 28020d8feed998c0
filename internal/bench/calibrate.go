package bench

import (
	"context"
	"fmt"
)

// samples is how many answers of Roster are read before a case, to learn their size.
const samples = 256

// slack is how many bytes an answer may be shorter or longer than any of the samples:
// revisions and times have more or fewer digits.
const slack = 16

// calibrate sends requests of the case one by one, checks each answer in full, and
// gives the load to measure with and the mean size of the answers in bytes, which the
// bare server is to answer too.
func calibrate(ctx context.Context, target Target, c *Case, fleet *Fleet) (*Load, int, error) {
	load := &Load{Requests: c.requests(target.Address, fleet), Status: c.status, MaxBody: 64 << 20}
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	conn, err := load.converse(ctx, target, 0, 1)
	if err != nil {
		return nil, 0, fmt.Errorf("calibrate %s: %w", c.Name, err)
	}
	defer conn.hangUp()
	least, most, sum := 0, 0, 0
	for i := range samples {
		n := i * len(load.Requests) / samples % len(load.Requests)
		body, err := conn.ask(&load.Requests[n], true)
		if err == nil {
			err = c.check(c, service(c.Instances, n%c.Services), body)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("calibrate %s: %w", c.Name, err)
		}
		if i == 0 || len(body) < least {
			least = len(body)
		}
		most = max(most, len(body))
		sum += len(body)
	}
	load.MinBody, load.MaxBody = max(least-slack, 1), most+slack
	return load, (sum + samples/2) / samples, nil
}
